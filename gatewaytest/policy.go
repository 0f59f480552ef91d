package gatewaytest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
)

// policy compares what the route does beside choosing a destination.
func (x *comparison) policy() {
	e, r := &x.c.Expect, x.d.Route
	if r == nil {
		if e.Timeout != nil || e.Retry != nil || e.Mirrors != nil || e.Fault != nil || e.CORS != nil {
			x.differ("route", "a route", "no route: "+kindText(x.d))
		}
		return
	}
	if e.Timeout != nil && *e.Timeout != r.Timeout {
		x.differ("timeout", duration(*e.Timeout), duration(r.Timeout))
	}
	if e.Retry != nil {
		x.retry(e.Retry, r.Retry)
	}
	if e.Mirrors != nil {
		x.mirrors(e.Mirrors, r.Mirrors)
	}
	if e.Fault != nil {
		x.fault(*e.Fault, r.Fault)
	}
	if e.CORS != nil && *e.CORS != r.CORS {
		x.differ("cors", strconv.FormatBool(*e.CORS), strconv.FormatBool(r.CORS))
	}
}

func (x *comparison) retry(want *Retry, got *gateway.DecidedRetry) {
	if got == nil {
		got = new(gateway.DecidedRetry)
	}
	if want.Attempts != got.Attempts {
		x.differ("retry attempts", strconv.Itoa(want.Attempts), strconv.Itoa(got.Attempts))
	}
	if want.On != nil {
		on := slices.Clone(got.On)
		for _, code := range got.Codes {
			on = append(on, strconv.Itoa(code))
		}
		// The condition is implied by the codes.
		implied := slices.DeleteFunc(slices.Clone(on), func(o string) bool {
			return o == "retriable-status-codes" && len(got.Codes) > 0
		})
		if !sameSet(want.On, on) && !sameSet(want.On, implied) && !sameSet(want.On, got.On) {
			x.differ("retry on", strings.Join(want.On, ","), cmp.Or(strings.Join(on, ","), "none"))
		}
	}
	if want.PerTryTimeout != 0 && want.PerTryTimeout != got.PerTryTimeout {
		x.differ("retry perTryTimeout", duration(want.PerTryTimeout), duration(got.PerTryTimeout))
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (x *comparison) mirrors(want map[string]float64, got []gateway.DecidedMirror) {
	var parts []part
	for _, m := range got {
		p := part{cluster: m.Cluster, percent: m.Percent}
		if words := strings.Split(m.Cluster, "|"); len(words) == 4 {
			p.port, _ = strconv.Atoi(words[1])
			p.subset, p.host = words[2], words[3]
		}
		parts = append(parts, p)
	}
	by, rest := shares(slices.Sorted(maps.Keys(want)), parts)
	same := len(rest) == 0
	for name, percent := range want {
		share, found := by[name]
		same = same && found && samePercent(percent, share)
	}
	if !same {
		x.differ("mirrors", cmp.Or(sharesText(want), "none"), cmp.Or(partsText(parts), "none"))
		return
	}
	for _, m := range got {
		if m.Missing {
			x.differ("mirrors", "a mirror that is there", m.Cluster+": "+m.Reason)
		}
	}
}

func (x *comparison) fault(want Fault, got *gateway.DecidedFault) {
	var g Fault
	if got != nil {
		g = Fault{got.Delay, got.DelayPercent, got.AbortStatus, got.GRPCStatus, got.AbortPercent}
	}
	if want.DelayPercent == 0 && want.Delay != 0 {
		want.DelayPercent = 100
	}
	if want.AbortPercent == 0 && (want.AbortStatus != 0 || want.GRPCStatus != 0) {
		want.AbortPercent = 100
	}
	if want.GRPCStatus == 0 && want.AbortStatus != 0 {
		g.GRPCStatus = 0
	}
	if want.AbortStatus == 0 && want.GRPCStatus != 0 {
		g.AbortStatus = 0
	}
	if want.Delay != g.Delay || want.AbortStatus != g.AbortStatus || want.GRPCStatus != g.GRPCStatus ||
		!samePercent(want.DelayPercent, g.DelayPercent) || !samePercent(want.AbortPercent, g.AbortPercent) {
		x.differ("fault", faultText(&want), faultText(&g))
	}
}

func faultText(f *Fault) string {
	var words []string
	if f.DelayPercent > 0 {
		words = append(words, fmt.Sprintf("delay %s%% by %v", number(f.DelayPercent), f.Delay))
	}
	if f.AbortPercent > 0 {
		text := fmt.Sprintf("abort %s%% with %d", number(f.AbortPercent), f.AbortStatus)
		if f.GRPCStatus != 0 {
			text += fmt.Sprintf(" (gRPC status %d)", f.GRPCStatus)
		}
		words = append(words, text)
	}
	return cmp.Or(strings.Join(words, ", "), "none")
}

// limits compares the rate limits.
func (x *comparison) limits() {
	e := &x.c.Expect
	if e.Limits != nil {
		x.applying(e.Limits)
	}
	if e.Allows != nil {
		x.allows(*e.Allows)
	}
}

// applying compares the limits that count the request.
func (x *comparison) applying(want []Limit) {
	var got []gateway.DecidedLimit
	if x.d.Route != nil {
		for _, l := range x.d.Route.RateLimits {
			if l.Applies || l.Refuses {
				got = append(got, l)
			}
		}
	}
	left := slices.Clone(got)
	for i := range want {
		at := slices.IndexFunc(left, want[i].is)
		if at < 0 {
			x.differ("limits", want[i].text(), limitsText(got))
			return
		}
		left = slices.Delete(left, at, at+1)
	}
	if len(left) > 0 {
		text := "no limit"
		if len(want) > 0 {
			text = "no other limit"
		}
		x.differ("limits", text, limitsText(left))
	}
}

// is reports whether a limit is the expected one.
func (l *Limit) is(got gateway.DecidedLimit) bool {
	return (l.Counts == nil || slices.Equal(l.Counts, got.Descriptor)) && (l.Rate == "" || l.Rate == got.Rate) &&
		strings.Contains(got.Limit, l.Limit)
}

func (l *Limit) text() string {
	var words []string
	if l.Limit != "" {
		words = append(words, l.Limit)
	}
	if l.Counts != nil {
		words = append(words, "counts "+cmp.Or(strings.Join(l.Counts, ", "), "all requests"))
	}
	if l.Rate != "" {
		words = append(words, l.Rate)
	}
	return cmp.Or(strings.Join(words, ": "), "a limit")
}

func limitsText(limits []gateway.DecidedLimit) string {
	var words []string
	for _, l := range limits {
		text := l.Limit + ": counts " + cmp.Or(strings.Join(l.Descriptor, ", "), "all requests")
		if l.Refuses {
			text = l.Limit + ": refuses the request, which has no key"
		}
		if l.Rate != "" {
			text += ", " + l.Rate
		}
		words = append(words, text)
	}
	return cmp.Or(strings.Join(words, "; "), "none")
}

// allows serves the request until a limit refuses it.
func (x *comparison) allows(want int) {
	s, err := x.tester.newStill(withSlowLimits(&x.tester.declared))
	if err != nil {
		x.differ("allows", strconv.Itoa(want), "the gateway cannot serve: "+err.Error())
		return
	}
	defer s.gateway.Close()
	got := 0
	for got <= want {
		s.serve(x.c, x.asked.q, 0)
		if s.refused.Load() {
			break
		}
		got++
	}
	switch {
	case got > want:
		x.differ("allows", requests(want)+", then a refusal", "more than "+requests(want))
	case got < want:
		x.differ("allows", requests(want)+", then a refusal", requests(got)+", then a refusal")
	}
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}
