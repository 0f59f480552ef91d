package traffic

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

// Print prints the differences from the default, one line for each block. Policies
// with the same behavior print the same lines, so the lines can be compared.
func (p *Policy) Print(t *text.Lines) {
	if b := p.LoadBalancer; b != nil {
		printLoadBalancer(b, t, p.Hashes())
	}
	p.printPool(t)
	if b := p.RetryBudget; b != nil {
		percent := 20.0
		if b.Percent != nil {
			percent = *b.Percent
		}
		l := text.Phrase{fmt.Sprintf("retry budget %v%% at least %d", percent, cmp.Or(b.MinRetryConcurrency, 3))}
		l.Duration("over", b.Interval)
		t.Line("%s", l.String())
	}
	if o := p.OutlierDetection; o != nil {
		printOutlierDetection(o, t)
	}
	if p.ProxyProtocol != nil {
		t.Line("proxy protocol %s", resource.ProxyProtocolVersions[p.ProxyProtocol.Version])
	}
	if p.TLS != nil && p.TLS.Mode != spec.ClientTLSDisable {
		printClientTLS(p.TLS, t)
	}
}

var balancerNames = []string{"LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"}

func printLoadBalancer(b *spec.LoadBalancer, t *text.Lines, hashed []*spec.ConsistentHash) {
	switch {
	case b.ConsistentHash != nil:
		t.Line("balance %s by %s", hashAlgorithm(b.ConsistentHash), hashedValues(hashed))
	case b.Simple != spec.BalanceLeastRequest:
		t.Line("balance %s", balancerNames[b.Simple])
	}
	if w := b.Warmup; w != nil && b.ConsistentHash == nil && b.Simple <= spec.BalanceRoundRobin {
		least, aggression := 10.0, 1.0
		if w.MinimumPercent != nil {
			least = *w.MinimumPercent
		}
		if w.Aggression != nil {
			aggression = *w.Aggression
		}
		t.Line("warm up %v from %v%% aggression %v", w.Duration, least, aggression)
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

// hashedValues returns the values that are hashed.
func hashedValues(hashes []*spec.ConsistentHash) string {
	if len(hashes) == 0 {
		return "nothing"
	}
	values := make([]string, len(hashes))
	for i, h := range hashes {
		values[i] = hashedValue(h)
	}
	return strings.Join(values, " and ")
}

// SameHash reports whether two hashes use the same value of a request.
func SameHash(a, b *spec.ConsistentHash) bool { return hashedValue(a) == hashedValue(b) }

// HashText returns the kind and name of a hashed value, such as "header x-user".
func HashText(h *spec.ConsistentHash) string {
	switch {
	case h.HTTPHeaderName != "":
		return "header " + strings.ToLower(h.HTTPHeaderName)
	case h.HTTPCookie != nil:
		return "cookie " + h.HTTPCookie.Name
	case h.HTTPQueryParameterName != "":
		return "query " + h.HTTPQueryParameterName
	}
	return "sourceIp"
}

// hashedValue returns the value that is hashed.
func hashedValue(h *spec.ConsistentHash) string {
	switch {
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

// cookieText returns the cookie with its settings.
func cookieText(c *spec.HashCookie) string {
	l := text.Phrase{"cookie " + strconv.Quote(c.Name)}
	if c.TTL == nil {
		return l.String()
	}
	l.Add("made for %v", *c.TTL)
	l.Text("path", c.Path)
	for _, a := range c.Attributes {
		if a.Value == "" {
			l.Add("%q", a.Name)
		} else {
			l.Add("%q", a.Name+"="+a.Value)
		}
	}
	return l.String()
}

func printLocality(l *spec.LocalityLB, t *text.Lines) {
	switch {
	case l.Enabled != nil && !*l.Enabled:
		t.Line("locality ignored")
		return
	case len(l.Distribute) > 0:
		for _, d := range l.Distribute {
			var shares []string
			for _, to := range slices.Sorted(maps.Keys(d.To)) {
				shares = append(shares, fmt.Sprintf("%d%% to %s", d.To[to], to))
			}
			t.Line("locality from %s %s", d.From, strings.Join(shares, ", "))
		}
		return
	}
	for _, f := range l.Failover {
		t.Line("locality failover from %s to %s", f.From, f.To)
	}
	if len(l.FailoverPriority) > 0 {
		t.Line("locality priority %s", strings.Join(l.FailoverPriority, " "))
	}
}

func (p *Policy) printPool(t *text.Lines) {
	tcp, http := p.TCP(), p.HTTP()
	connections := text.Phrase{"connections"}
	connections.Count("at most", tcp.MaxConnections)
	connections.Duration("connect within", tcp.ConnectTimeout)
	switch idle := p.IdleTimeout(); {
	case idle < 0:
		connections.Add("idle for ever")
	default:
		connections.Duration("idle", idle)
	}
	connections.Duration("age", tcp.MaxConnectionDuration)
	connections.Count("requests", http.MaxRequestsPerConnection)
	connections.Count("streams", http.MaxConcurrentStreams)
	if k := tcp.Keepalive; k != nil {
		connections.Add("keepalive")
		connections.Count("probes", k.Probes)
		connections.Duration("after", k.Time)
		connections.Duration("every", k.Interval)
	}
	if k := http.HTTP2Keepalive; k != nil {
		connections.Add("ping every %v answered within %v", k.Interval, k.Timeout)
	}
	requests := text.Phrase{"requests"}
	requests.Count("at most", http.HTTP2MaxRequests)
	requests.Count("pending", http.HTTP1MaxPendingRequests)
	if p.RetryBudget == nil {
		requests.Count("retries", http.MaxRetries)
	}
	switch {
	case http.UseClientProtocol:
		requests.Add("over the client's protocol")
	case http.H2UpgradePolicy == spec.H2UpgradeAlways:
		requests.Add("over HTTP/2")
	}
	for _, l := range []text.Phrase{connections, requests} {
		if len(l) > 1 {
			t.Line("%s", l.String())
		}
	}
}

func printOutlierDetection(o *spec.OutlierDetection, t *text.Lines) {
	l := text.Phrase{"eject after"}
	errors, gateway := 5, 0
	if o.Consecutive5xxErrors != nil {
		errors = *o.Consecutive5xxErrors
	}
	if o.ConsecutiveGatewayErrors != nil {
		gateway = *o.ConsecutiveGatewayErrors
	}
	l.Count("5xx", errors)
	l.Count("gateway", gateway)
	if o.SplitExternalLocalOriginErrors {
		l.Count("local", cmp.Or(o.ConsecutiveLocalOriginFailures, 5))
	}
	if len(l) == 1 {
		return
	}
	l.Add("every %v for %v at most %d%%", cmp.Or(o.Interval, 10*time.Second), cmp.Or(o.BaseEjectionTime, 30*time.Second), cmp.Or(o.MaxEjectionPercent, 10))
	if o.MinHealthPercent > 0 {
		l.Add("unless below %d%% healthy", o.MinHealthPercent)
	}
	t.Line("%s", l.String())
}

func printClientTLS(c *spec.ClientTLS, t *text.Lines) {
	l := text.Phrase{"tls " + resource.ClientTLSModes[c.Mode]}
	l.Text("sni", c.SNI)
	l.Text("credential", c.CredentialName)
	if c.Mode == spec.ClientTLSMutual {
		l.Text("certificate", c.ClientCertificate)
		l.Text("key", c.PrivateKey)
	}
	if c.InsecureSkipVerify {
		l.Add("unverified")
	} else {
		l.Text("ca", c.CACertificates)
		l.Text("crl", c.CACRL)
		if len(c.SubjectAltNames) > 0 {
			l.Add("names %q", c.SubjectAltNames)
		}
	}
	t.Line("%s", l.String())
}
