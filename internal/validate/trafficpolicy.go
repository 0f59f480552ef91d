package validate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A policyScope describes the endpoints of a traffic policy.
type policyScope struct {
	// host is the full name of the rule's host.
	host string
	// labels are the labels of the subset.
	labels map[string]string
	// above is the policy of the rule, whose blocks a subset uses if it has none
	// itself. It is nil for the rule itself.
	above *spec.TrafficPolicy
}

// trafficPolicy validates a policy at the site of a rule or a subset.
func (v *validator) trafficPolicy(of *site, t *spec.TrafficPolicy, scope policyScope) {
	if t == nil {
		return
	}
	s := of.field("trafficPolicy")
	if t.LoadBalancer == nil && t.ConnectionPool == nil && t.OutlierDetection == nil && t.TLS == nil &&
		t.RetryBudget == nil && t.ProxyProtocol == nil && len(t.PortLevelSettings) == 0 {
		s.errorf(spec.CodeMissing, "the policy is empty")
		return
	}
	whole := spec.PortTrafficPolicy{LoadBalancer: t.LoadBalancer, ConnectionPool: t.ConnectionPool, OutlierDetection: t.OutlierDetection, TLS: t.TLS}
	ejects, pools := t.OutlierDetection != nil, t.ConnectionPool != nil
	if above := scope.above; above != nil {
		ejects, pools = ejects || above.OutlierDetection != nil, pools || above.ConnectionPool != nil
	}
	v.policyBlocks(&s, &whole, scope, ejects)
	if t.RetryBudget != nil {
		v.retryBudget(&s, t, pools)
	}
	if p := t.ProxyProtocol; p != nil && int(p.Version) >= len(resource.ProxyProtocolVersions) {
		e := s.field("proxyProtocol.version")
		e.errorf(spec.CodeInvalid, "%d is not a version of the PROXY protocol", p.Version)
	}
	ports := make(map[int]bool, len(t.PortLevelSettings))
	for i := range t.PortLevelSettings {
		p := &t.PortLevelSettings[i]
		e := s.element("portLevelSettings", i)
		v.portPolicy(&e, p, scope, ports)
		ports[p.Port] = true
	}
}

// portPolicy validates the settings for a port. taken are the ports with earlier
// settings.
func (v *validator) portPolicy(s *site, p *spec.PortTrafficPolicy, scope policyScope, taken map[int]bool) {
	number := s.field("port.number")
	defined := v.portsOf[scope.host]
	switch problem := resource.PortProblem(p.Port); {
	case p.Port == 0:
		number.errorf(spec.CodeMissing, "the port is missing")
	case problem != "":
		number.errorf(spec.CodeInvalid, "%s", problem)
	case taken[p.Port]:
		number.warnf("", "has no effect: port %d has settings already", p.Port)
	case len(defined) > 0 && !slices.Contains(defined, p.Port):
		number.warnf("", "has no effect: the service has no port %d; settings are for the service's ports, not for its endpoints'", p.Port)
	}
	if p.LoadBalancer == nil && p.ConnectionPool == nil && p.OutlierDetection == nil && p.TLS == nil {
		s.errorf(spec.CodeMissing, "the settings are empty")
		return
	}
	v.policyBlocks(s, p, scope, p.OutlierDetection != nil)
}

// policyBlocks validates the present blocks. ejects means that there is outlier
// detection, here or elsewhere.
func (v *validator) policyBlocks(s *site, p *spec.PortTrafficPolicy, scope policyScope, ejects bool) {
	if p.LoadBalancer != nil {
		e := s.field("loadBalancer")
		v.loadBalancer(&e, p.LoadBalancer, ejects)
	}
	if p.ConnectionPool != nil {
		e := s.field("connectionPool")
		v.connectionPool(&e, p.ConnectionPool)
	}
	if p.OutlierDetection != nil {
		e := s.field("outlierDetection")
		v.outlierDetection(&e, p.OutlierDetection, scope)
	}
	if p.TLS != nil {
		e := s.field("tls")
		v.clientTLS(&e, p.TLS, scope.host)
	}
}

// count validates a number, which has 32 bits in Envoy.
func (v *validator) count(s *site, field string, n int) {
	switch e := s.field(field); {
	case n < 0:
		e.errorf(spec.CodeInvalid, "%d is negative, 0 or more is expected", n)
	case int64(n) > math.MaxUint32:
		e.errorf(spec.CodeInvalid, "%d is too large, %d or less is expected", n, uint32(math.MaxUint32))
	}
}

// percentage validates a share in percent.
func (v *validator) percentage(s *site, field string, percent float64) {
	if !(percent >= 0 && percent <= 100) {
		e := s.field(field)
		e.errorf(spec.CodeInvalid, "%v is not a percentage, 0 to 100 is expected", percent)
	}
}

func (v *validator) connectionPool(s *site, p *spec.ConnectionPool) {
	if p.TCP == nil && p.HTTP == nil {
		s.errorf(spec.CodeMissing, "the connection pool is empty: tcp or http is expected")
		return
	}
	if t := p.TCP; t != nil {
		e := s.field("tcp")
		v.count(&e, "maxConnections", t.MaxConnections)
		v.duration(&e, "connectTimeout", t.ConnectTimeout)
		v.duration(&e, "maxConnectionDuration", t.MaxConnectionDuration)
		if t.IdleTimeout != spec.NoLimit {
			v.duration(&e, "idleTimeout", t.IdleTimeout)
		}
		if k := t.Keepalive; k != nil {
			v.count(&e, "tcpKeepalive.probes", k.Probes)
			v.duration(&e, "tcpKeepalive.time", k.Time)
			v.duration(&e, "tcpKeepalive.interval", k.Interval)
		}
	}
	if p.HTTP != nil {
		e := s.field("http")
		v.httpSettings(&e, p.HTTP)
	}
}

func (v *validator) httpSettings(s *site, h *spec.HTTPSettings) {
	v.count(s, "http1MaxPendingRequests", h.HTTP1MaxPendingRequests)
	v.count(s, "http2MaxRequests", h.HTTP2MaxRequests)
	v.count(s, "maxRequestsPerConnection", h.MaxRequestsPerConnection)
	v.count(s, "maxRetries", h.MaxRetries)
	v.count(s, "maxConcurrentStreams", h.MaxConcurrentStreams)
	v.duration(s, "idleTimeout", h.IdleTimeout)
	switch {
	case h.H2UpgradePolicy > spec.H2UpgradeAlways:
		e := s.field("h2UpgradePolicy")
		e.errorf(spec.CodeInvalid, "%d is not an upgrade policy", h.H2UpgradePolicy)
	case h.H2UpgradePolicy == spec.H2UpgradeAlways && h.UseClientProtocol:
		e := s.field("useClientProtocol")
		e.errorf(spec.CodeConflict, "cannot be combined with h2UpgradePolicy UPGRADE: the protocol is either the client's or HTTP/2")
	}
	if k := h.HTTP2Keepalive; k != nil {
		e := s.field("http2KeepAlive")
		v.required(&e, "interval", k.Interval != 0)
		v.required(&e, "timeout", k.Timeout != 0)
		v.duration(&e, "interval", k.Interval)
		v.duration(&e, "timeout", k.Timeout)
	}
}

func (v *validator) required(s *site, field string, given bool) {
	if !given {
		e := s.field(field)
		e.errorf(spec.CodeMissing, "is missing")
	}
}

func (v *validator) retryBudget(of *site, t *spec.TrafficPolicy, pools bool) {
	s, b := of.field("retryBudget"), t.RetryBudget
	if b.Percent != nil {
		v.percentage(&s, "percent", *b.Percent)
	}
	v.count(&s, "minRetryConcurrency", b.MinRetryConcurrency)
	v.duration(&s, "budgetInterval", b.Interval)
	switch {
	case !pools:
		s.warnf("", "has no effect: Istio uses it only together with a connectionPool")
	case t.ConnectionPool != nil && t.ConnectionPool.HTTP != nil && t.ConnectionPool.HTTP.MaxRetries > 0:
		e := of.field("connectionPool.http.maxRetries")
		e.warnf("", "has no effect: there is a retryBudget")
	}
}

func (v *validator) outlierDetection(s *site, o *spec.OutlierDetection, scope policyScope) {
	counts := o.SplitExternalLocalOriginErrors
	for _, c := range []struct {
		field string
		n     *int
		off   int
	}{
		{"consecutive5xxErrors", o.Consecutive5xxErrors, 5},
		{"consecutiveGatewayErrors", o.ConsecutiveGatewayErrors, 0},
		{"consecutiveLocalOriginFailures", &o.ConsecutiveLocalOriginFailures, 0},
	} {
		n := c.off
		if c.n != nil {
			n = *c.n
		}
		v.count(s, c.field, n)
		counts = counts || n > 0
	}
	if o.ConsecutiveLocalOriginFailures > 0 && !o.SplitExternalLocalOriginErrors {
		e := s.field("consecutiveLocalOriginFailures")
		e.errorf(spec.CodeMissing, "needs splitExternalLocalOriginErrors, which is not set")
	}
	v.duration(s, "interval", o.Interval)
	v.duration(s, "baseEjectionTime", o.BaseEjectionTime)
	v.percentage(s, "maxEjectionPercent", float64(o.MaxEjectionPercent))
	v.percentage(s, "minHealthPercent", float64(o.MinHealthPercent))
	if !counts {
		s.warnf("", "has no effect: no errors are counted")
		return
	}
	most := o.MaxEjectionPercent
	if most == 0 {
		most = 10
	}
	if n := v.endpointsIn(scope); n > 0 && 100 > most*n && most > 0 {
		e := s.field("maxEjectionPercent")
		e.warnf("", "ejects nothing: at most %d %% may be ejected, and one of %s is more", most, endpointsText(n))
	}
}

func endpointsText(n int) string {
	if n == 1 {
		return "1 endpoint"
	}
	return fmt.Sprintf("%d endpoints", n)
}

// endpointsIn returns the number of endpoints of a policy, or 0 if it is not known:
// they are looked up, or belong to several services.
func (v *validator) endpointsIn(scope policyScope) int {
	list := v.servicesAt(scope.host)
	if len(list) != 1 || list[0].Resolution != spec.ResolveStatic {
		return 0
	}
	n := 0
	endpoints := v.workloads.Endpoints(list[0], v.named(list[0].Namespace, "").Namespace)
	for i := range endpoints {
		if resource.EndpointHas(&endpoints[i], scope.labels) {
			n++
		}
	}
	return n
}

func (v *validator) clientTLS(s *site, t *spec.ClientTLS, host string) {
	mode := s.field("mode")
	if int(t.Mode) >= len(resource.ClientTLSModes) {
		mode.errorf(spec.CodeInvalid, "%d is not a mode of TLS", t.Mode)
		return
	}
	clientFiles, files := t.ClientCertificate != "" || t.PrivateKey != "", false
	for _, name := range []string{t.ClientCertificate, t.PrivateKey, t.CACertificates, t.CACRL} {
		files = files || name != ""
	}
	switch {
	case t.Mode == spec.ClientTLSIstioMutual:
		// If a connection would need it, this is an error of package compile.
		return
	case t.Mode == spec.ClientTLSDisable:
		if files || t.CredentialName != "" || t.SNI != "" || len(t.SubjectAltNames) > 0 || t.InsecureSkipVerify {
			s.warnf("", "has no effect: the mode is DISABLE, which is also the default")
		}
		return
	case t.CredentialName != "" && files:
		e := s.field("credentialName")
		e.errorf(spec.CodeConflict, "cannot be combined with certificates from files, which are also set")
		return
	}
	if t.InsecureSkipVerify {
		verifies := t.CACertificates != "" || len(t.SubjectAltNames) > 0 || t.Mode == spec.ClientTLSSimple && t.CredentialName != ""
		if verifies {
			e := s.field("insecureSkipVerify")
			e.errorf(spec.CodeConflict, "cannot be combined with caCertificates, subjectAltNames and, with SIMPLE, credentialName: nothing is verified")
		}
		if t.CACRL != "" {
			e := s.field("caCrl")
			e.warnf("", "has no effect: with insecureSkipVerify nothing is verified")
		}
	} else if t.SNI != "" && len(t.SubjectAltNames) == 0 && !v.namesAltNames(host) {
		e := s.field("sni")
		e.warnf("", "without subjectAltNames, a certificate for any name is accepted: it must be for the request's host only if sni is empty")
	}
	switch {
	case t.CredentialName != "":
	case t.Mode == spec.ClientTLSMutual:
		for _, f := range []struct{ field, value string }{{"clientCertificate", t.ClientCertificate}, {"privateKey", t.PrivateKey}} {
			if f.value == "" {
				e := s.field(f.field)
				e.errorf(spec.CodeMissing, "MUTUAL needs it, or a credentialName")
			}
		}
	case clientFiles:
		s.warnf("", "the client certificate is not sent: the mode is SIMPLE")
	}
	if strings.HasPrefix(t.SNI, "*") || t.SNI != "" && hostProblem(t.SNI) != "" {
		e := s.field("sni")
		e.errorf(spec.CodeInvalid, "%q is not a server name", t.SNI)
	}
}

// namesAltNames reports whether a service lists the names of its certificate.
func (v *validator) namesAltNames(host string) bool {
	return slices.ContainsFunc(v.servicesAt(host), func(s *spec.Service) bool { return len(s.SubjectAltNames) > 0 })
}

// servicesAt returns the services that list a host.
func (v *validator) servicesAt(host string) []*spec.Service {
	if v.servicesOf == nil {
		v.servicesOf = make(map[string][]*spec.Service)
		for i := range v.declarations.Services {
			s := &v.declarations.Services[i]
			for _, h := range s.Hosts {
				v.servicesOf[h] = append(v.servicesOf[h], s)
			}
		}
	}
	return v.servicesOf[host]
}
