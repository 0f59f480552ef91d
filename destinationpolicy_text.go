package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// print prints what differs from the default, a line for each block. Policies
// that behave alike have the same lines, so that these tell them apart.
func (p *destinationPolicy) print(t *text) {
	if b := p.loadBalancer; b != nil {
		printLoadBalancer(b, t, p.hash)
	}
	p.printPool(t)
	if b := p.retryBudget; b != nil {
		percent := 20.0
		if b.Percent != nil {
			percent = *b.Percent
		}
		l := phrase{fmt.Sprintf("retry budget %v%% at least %d", percent, cmp.Or(b.MinRetryConcurrency, 3))}
		l.duration("over", b.Interval)
		t.line("%s", l.String())
	}
	if o := p.outlierDetection; o != nil {
		printOutlierDetection(o, t)
	}
	if p.proxyProtocol != nil {
		t.line("proxy protocol %s", proxyProtocolVersions[p.proxyProtocol.Version])
	}
	if p.tls != nil && p.tls.Mode != spec.ClientTLSDisable {
		printClientTLS(p.tls, t)
	}
}

// A phrase is a line in the making.
type phrase []string

func (w *phrase) String() string { return strings.Join(*w, " ") }

func (w *phrase) add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

// count adds a number that is not zero.
func (w *phrase) count(name string, n int) {
	if n != 0 {
		w.add("%s %d", name, n)
	}
}

// duration adds a duration that is not zero.
func (w *phrase) duration(name string, d time.Duration) {
	if d != 0 {
		w.add("%s %v", name, d)
	}
}

// text adds a text that is not empty, quoted.
func (w *phrase) text(name, s string) {
	if s != "" {
		w.add("%s %q", name, s)
	}
}

var balancerNames = []string{"LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"}

func printLoadBalancer(b *spec.LoadBalancer, t *text, hashed *spec.ConsistentHash) {
	switch {
	case b.ConsistentHash != nil:
		t.line("balance %s by %s", hashAlgorithm(b.ConsistentHash), hashedValue(hashed))
	case b.Simple != spec.BalanceLeastRequest:
		t.line("balance %s", balancerNames[b.Simple])
	}
	if w := b.Warmup; w != nil && b.ConsistentHash == nil && b.Simple <= spec.BalanceRoundRobin {
		least, aggression := 10.0, 1.0
		if w.MinimumPercent != nil {
			least = *w.MinimumPercent
		}
		if w.Aggression != nil {
			aggression = *w.Aggression
		}
		t.line("warm up %v from %v%% aggression %v", w.Duration, least, aggression)
	}
	if l := b.Locality; l != nil {
		printLocality(l, t)
	}
}

// hashAlgorithm returns the algorithm with its size.
func hashAlgorithm(h *spec.ConsistentHash) string {
	switch {
	case h.Maglev != nil:
		return "maglev " + strconv.Itoa(h.Maglev.TableSize)
	case h.RingHash != nil && h.RingHash.MinimumRingSize != 0:
		return "ring " + strconv.Itoa(h.RingHash.MinimumRingSize)
	}
	return "ring 1024"
}

// hashedValue returns what is hashed.
func hashedValue(h *spec.ConsistentHash) string {
	switch {
	case h == nil:
	case h.HTTPHeaderName != "":
		return "header " + strings.ToLower(h.HTTPHeaderName)
	case h.HTTPCookie != nil:
		return cookieText(h.HTTPCookie)
	case h.UseSourceIP:
		return "source address"
	case h.HTTPQueryParameterName != "":
		return "query parameter " + strconv.Quote(h.HTTPQueryParameterName)
	}
	return "nothing"
}

// cookieText returns the cookie with what it is made with.
func cookieText(c *spec.HashCookie) string {
	l := phrase{"cookie " + strconv.Quote(c.Name)}
	if c.TTL == nil {
		return l.String()
	}
	l.add("made for %v", *c.TTL)
	l.text("path", c.Path)
	for _, a := range c.Attributes {
		if a.Value == "" {
			l.add("%q", a.Name)
		} else {
			l.add("%q", a.Name+"="+a.Value)
		}
	}
	return l.String()
}

func printLocality(l *spec.LocalityLB, t *text) {
	switch {
	case l.Enabled != nil && !*l.Enabled:
		t.line("locality ignored")
		return
	case len(l.Distribute) > 0:
		for _, d := range l.Distribute {
			var shares []string
			for _, to := range slices.Sorted(maps.Keys(d.To)) {
				shares = append(shares, fmt.Sprintf("%d%% to %s", d.To[to], to))
			}
			t.line("locality from %s %s", d.From, strings.Join(shares, ", "))
		}
		return
	}
	for _, f := range l.Failover {
		t.line("locality failover from %s to %s", f.From, f.To)
	}
	if len(l.FailoverPriority) > 0 {
		t.line("locality priority %s", strings.Join(l.FailoverPriority, " "))
	}
}

func (p *destinationPolicy) printPool(t *text) {
	tcp, http := p.tcp(), p.http()
	connections := phrase{"connections"}
	connections.count("at most", tcp.MaxConnections)
	connections.duration("connect within", tcp.ConnectTimeout)
	switch idle := p.idleTimeout(); {
	case idle < 0:
		connections.add("idle for ever")
	default:
		connections.duration("idle", idle)
	}
	connections.duration("age", tcp.MaxConnectionDuration)
	connections.count("requests", http.MaxRequestsPerConnection)
	connections.count("streams", http.MaxConcurrentStreams)
	if k := tcp.Keepalive; k != nil {
		connections.add("keepalive")
		connections.count("probes", k.Probes)
		connections.duration("after", k.Time)
		connections.duration("every", k.Interval)
	}
	if k := http.HTTP2Keepalive; k != nil {
		connections.add("ping every %v answered within %v", k.Interval, k.Timeout)
	}
	requests := phrase{"requests"}
	requests.count("at most", http.HTTP2MaxRequests)
	requests.count("pending", http.HTTP1MaxPendingRequests)
	if p.retryBudget == nil {
		requests.count("retries", http.MaxRetries)
	}
	switch {
	case http.UseClientProtocol:
		requests.add("over the client's protocol")
	case http.H2UpgradePolicy == spec.H2UpgradeAlways:
		requests.add("over HTTP/2")
	}
	for _, l := range []phrase{connections, requests} {
		if len(l) > 1 {
			t.line("%s", l.String())
		}
	}
}

func printOutlierDetection(o *spec.OutlierDetection, t *text) {
	l := phrase{"eject after"}
	errors, gateway := 5, 0
	if o.Consecutive5xxErrors != nil {
		errors = *o.Consecutive5xxErrors
	}
	if o.ConsecutiveGatewayErrors != nil {
		gateway = *o.ConsecutiveGatewayErrors
	}
	l.count("5xx", errors)
	l.count("gateway", gateway)
	if o.SplitExternalLocalOriginErrors {
		l.count("local", cmp.Or(o.ConsecutiveLocalOriginFailures, 5))
	}
	if len(l) == 1 {
		return
	}
	l.add("every %v for %v at most %d%%", cmp.Or(o.Interval, 10*time.Second), cmp.Or(o.BaseEjectionTime, 30*time.Second), cmp.Or(o.MaxEjectionPercent, 10))
	if o.MinHealthPercent > 0 {
		l.add("unless below %d%% healthy", o.MinHealthPercent)
	}
	t.line("%s", l.String())
}

func printClientTLS(c *spec.ClientTLS, t *text) {
	l := phrase{"tls " + clientTLSModes[c.Mode]}
	l.text("sni", c.SNI)
	l.text("credential", c.CredentialName)
	if c.Mode == spec.ClientTLSMutual {
		l.text("certificate", c.ClientCertificate)
		l.text("key", c.PrivateKey)
	}
	if c.InsecureSkipVerify {
		l.add("unverified")
	} else {
		l.text("ca", c.CACertificates)
		l.text("crl", c.CACRL)
		if len(c.SubjectAltNames) > 0 {
			l.add("names %q", c.SubjectAltNames)
		}
	}
	t.line("%s", l.String())
}
