package istio

import (
	"fmt"
	"time"

	"github.com/lateengo/gateway/spec"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	networking "istio.io/api/networking/v1alpha3"
)

// trafficPolicy returns the policy at path, or nil. A policy with only a tunnel,
// which is not read further, counts as none.
func (r *reader) trafficPolicy(m *networking.TrafficPolicy, path string) *spec.TrafficPolicy {
	if m == nil || m.Tunnel != nil && proto.Equal(m, &networking.TrafficPolicy{Tunnel: m.Tunnel}) {
		return nil
	}
	to := &spec.TrafficPolicy{
		LoadBalancer:     r.loadBalancer(m.LoadBalancer, path+".loadBalancer"),
		ConnectionPool:   r.connectionPool(m.ConnectionPool, path+".connectionPool"),
		OutlierDetection: r.outlierDetection(m.OutlierDetection, path+".outlierDetection"),
		TLS:              clientTLS(m.Tls),
	}
	if b := m.RetryBudget; b != nil {
		to.RetryBudget = &spec.RetryBudget{
			Percent:             optionalFloat(b.Percent),
			MinRetryConcurrency: int(b.MinRetryConcurrency),
			Interval:            b.BudgetInterval.AsDuration(),
		}
	}
	if p := m.ProxyProtocol; p != nil {
		to.ProxyProtocol = new(spec.ProxyProtocol)
		if p.Version == networking.TrafficPolicy_ProxyProtocol_V2 {
			to.ProxyProtocol.Version = spec.ProxyProtocolV2
		}
	}
	for i, p := range m.PortLevelSettings {
		at := fmt.Sprintf("%s.portLevelSettings[%d]", path, i)
		if portGiven := p.GetPort(); portGiven != nil && portGiven.Number == 0 {
			r.errorAt(spec.CodeInvalid, at+".port.number", notPortZero)
		}
		to.PortLevelSettings = append(to.PortLevelSettings, spec.PortTrafficPolicy{
			Port:             int(p.GetPort().GetNumber()),
			LoadBalancer:     r.loadBalancer(p.GetLoadBalancer(), at+".loadBalancer"),
			ConnectionPool:   r.connectionPool(p.GetConnectionPool(), at+".connectionPool"),
			OutlierDetection: r.outlierDetection(p.GetOutlierDetection(), at+".outlierDetection"),
			TLS:              clientTLS(p.GetTls()),
		})
	}
	return to
}

// optionalFloat returns the value of a wrapper, or nil.
func optionalFloat(w *wrapperspb.DoubleValue) *float64 {
	if w == nil {
		return nil
	}
	return &w.Value
}

// optionalInt returns the value of a wrapper, or nil.
func optionalInt(w *wrapperspb.UInt32Value) *int {
	if w == nil {
		return nil
	}
	n := int(w.Value)
	return &n
}

// unlimited returns a duration that removes a limit if it is zero.
func unlimited(d *durationpb.Duration) time.Duration {
	switch t := d.AsDuration(); {
	case d == nil:
		return 0
	case t == 0:
		return spec.NoLimit
	default:
		return t
	}
}

// optionalDuration returns a duration for which zero is different from nil, or nil.
func optionalDuration(d *durationpb.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	t := d.AsDuration()
	return &t
}

func (r *reader) connectionPool(m *networking.ConnectionPoolSettings, path string) *spec.ConnectionPool {
	if m == nil {
		return nil
	}
	to := &spec.ConnectionPool{}
	if t := m.Tcp; t != nil {
		to.TCP = &spec.TCPSettings{
			MaxConnections:        int(t.MaxConnections),
			ConnectTimeout:        r.positive(t.ConnectTimeout, path, "tcp.connectTimeout"),
			MaxConnectionDuration: r.positive(t.MaxConnectionDuration, path, "tcp.maxConnectionDuration"),
			IdleTimeout:           unlimited(t.IdleTimeout),
		}
		if k := t.TcpKeepalive; k != nil {
			to.TCP.Keepalive = &spec.TCPKeepalive{
				Probes:   int(k.Probes),
				Time:     r.positive(k.Time, path, "tcp.tcpKeepalive.time"),
				Interval: r.positive(k.Interval, path, "tcp.tcpKeepalive.interval"),
			}
		}
	}
	if h := m.Http; h != nil {
		to.HTTP = &spec.HTTPSettings{
			HTTP1MaxPendingRequests:  int(h.Http1MaxPendingRequests),
			HTTP2MaxRequests:         int(h.Http2MaxRequests),
			MaxRequestsPerConnection: int(h.MaxRequestsPerConnection),
			MaxRetries:               int(h.MaxRetries),
			IdleTimeout:              r.positive(h.IdleTimeout, path, "http.idleTimeout"),
			UseClientProtocol:        h.UseClientProtocol,
			MaxConcurrentStreams:     int(h.MaxConcurrentStreams),
		}
		switch h.H2UpgradePolicy {
		case networking.ConnectionPoolSettings_HTTPSettings_DO_NOT_UPGRADE:
			to.HTTP.H2UpgradePolicy = spec.H2UpgradeNever
		case networking.ConnectionPoolSettings_HTTPSettings_UPGRADE:
			to.HTTP.H2UpgradePolicy = spec.H2UpgradeAlways
		}
		if k := h.Http2KeepAlive; k != nil {
			to.HTTP.HTTP2Keepalive = &spec.HTTP2Keepalive{
				Interval: r.positive(k.Interval, path, "http.http2KeepAlive.interval"),
				Timeout:  r.positive(k.Timeout, path, "http.http2KeepAlive.timeout"),
			}
		}
	}
	return to
}

func (r *reader) outlierDetection(m *networking.OutlierDetection, path string) *spec.OutlierDetection {
	if m == nil {
		return nil
	}
	return &spec.OutlierDetection{
		Consecutive5xxErrors:           optionalInt(m.Consecutive_5XxErrors),
		ConsecutiveGatewayErrors:       optionalInt(m.ConsecutiveGatewayErrors),
		SplitExternalLocalOriginErrors: m.SplitExternalLocalOriginErrors,
		ConsecutiveLocalOriginFailures: int(m.ConsecutiveLocalOriginFailures.GetValue()),
		Interval:                       r.positive(m.Interval, path, "interval"),
		BaseEjectionTime:               r.positive(m.BaseEjectionTime, path, "baseEjectionTime"),
		MaxEjectionPercent:             int(m.MaxEjectionPercent),
		MinHealthPercent:               int(m.MinHealthPercent),
	}
}

func clientTLS(m *networking.ClientTLSSettings) *spec.ClientTLS {
	if m == nil {
		return nil
	}
	to := &spec.ClientTLS{
		ClientCertificate:  m.ClientCertificate,
		PrivateKey:         m.PrivateKey,
		CACertificates:     m.CaCertificates,
		CACRL:              m.CaCrl,
		CredentialName:     m.CredentialName,
		SubjectAltNames:    m.SubjectAltNames,
		SNI:                m.Sni,
		InsecureSkipVerify: m.InsecureSkipVerify.GetValue(),
	}
	switch m.Mode {
	case networking.ClientTLSSettings_SIMPLE:
		to.Mode = spec.ClientTLSSimple
	case networking.ClientTLSSettings_MUTUAL:
		to.Mode = spec.ClientTLSMutual
	case networking.ClientTLSSettings_ISTIO_MUTUAL:
		to.Mode = spec.ClientTLSIstioMutual
	}
	return to
}
