package istio

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
	types "istio.io/api/type/v1beta1"
)

func (w *writer) writeDestinationRules() {
	list := w.declared.DestinationRules
	of := make([]naming, len(list))
	for i := range list {
		r := &list[i]
		of[i] = naming{cmp.Or(r.Namespace, w.options.Namespace), r.Name, r.Created, r.Host}
	}
	for i, name := range namesOf("rule", of) {
		r := &list[i]
		doc := w.document(r.Origin, networkingGroup+"/v1", "DestinationRule", r.Namespace, name, r.Created)
		if r.Name == "" {
			w.note(doc, "metadata.name", "the DestinationRule had no name")
		}
		m := &networking.DestinationRule{
			Host: r.Host, ExportTo: r.ExportTo,
			TrafficPolicy: w.trafficPolicy(doc, "spec.trafficPolicy", r.TrafficPolicy),
		}
		for j := range r.Subsets {
			s := &r.Subsets[j]
			m.Subsets = append(m.Subsets, &networking.Subset{
				Name: s.Name, Labels: s.Labels,
				TrafficPolicy: w.trafficPolicy(doc, fmt.Sprintf("spec.subsets[%d].trafficPolicy", j), s.TrafficPolicy),
			})
		}
		if r.WorkloadSelector != nil {
			m.WorkloadSelector = &types.WorkloadSelector{MatchLabels: r.WorkloadSelector}
		}
		doc.content.set("spec", messageValue(m))
	}
}

func (w *writer) trafficPolicy(doc *written, path string, s *spec.TrafficPolicy) *networking.TrafficPolicy {
	if s == nil {
		return nil
	}
	m := &networking.TrafficPolicy{
		LoadBalancer:     w.loadBalancer(doc, path+".loadBalancer", s.LoadBalancer),
		ConnectionPool:   w.connectionPool(doc, path+".connectionPool", s.ConnectionPool),
		OutlierDetection: w.outlierDetection(doc, path+".outlierDetection", s.OutlierDetection),
		Tls:              w.clientTLS(doc, path+".tls", s.TLS),
	}
	if b := s.RetryBudget; b != nil {
		m.RetryBudget = &networking.TrafficPolicy_RetryBudget{
			Percent: floatMessage(b.Percent), BudgetInterval: durationMessage(b.Interval),
			MinRetryConcurrency: number32[uint32](w, doc, path+".retryBudget.minRetryConcurrency", b.MinRetryConcurrency),
		}
	}
	if p := s.ProxyProtocol; p != nil {
		m.ProxyProtocol = new(networking.TrafficPolicy_ProxyProtocol)
		switch p.Version {
		case spec.ProxyProtocolV1:
		case spec.ProxyProtocolV2:
			m.ProxyProtocol.Version = networking.TrafficPolicy_ProxyProtocol_V2
		default:
			w.lost(doc, path+".proxyProtocol.version", fmt.Sprintf("%d is not a version", p.Version))
		}
	}
	for i := range s.PortLevelSettings {
		p := &s.PortLevelSettings[i]
		at := fmt.Sprintf("%s.portLevelSettings[%d]", path, i)
		each := &networking.TrafficPolicy_PortTrafficPolicy{
			LoadBalancer:     w.loadBalancer(doc, at+".loadBalancer", p.LoadBalancer),
			ConnectionPool:   w.connectionPool(doc, at+".connectionPool", p.ConnectionPool),
			OutlierDetection: w.outlierDetection(doc, at+".outlierDetection", p.OutlierDetection),
			Tls:              w.clientTLS(doc, at+".tls", p.TLS),
		}
		if p.Port != 0 {
			each.Port = &networking.PortSelector{Number: number32[uint32](w, doc, at+".port.number", p.Port)}
		}
		m.PortLevelSettings = append(m.PortLevelSettings, each)
	}
	return m
}

func (w *writer) connectionPool(doc *written, path string, s *spec.ConnectionPool) *networking.ConnectionPoolSettings {
	if s == nil {
		return nil
	}
	m := &networking.ConnectionPoolSettings{}
	if t := s.TCP; t != nil {
		m.Tcp = &networking.ConnectionPoolSettings_TCPSettings{
			MaxConnections:        number32[int32](w, doc, path+".tcp.maxConnections", t.MaxConnections),
			ConnectTimeout:        durationMessage(t.ConnectTimeout),
			MaxConnectionDuration: durationMessage(t.MaxConnectionDuration),
			IdleTimeout:           durationMessage(t.IdleTimeout),
		}
		if t.IdleTimeout == spec.NoLimit {
			m.Tcp.IdleTimeout = durationpb.New(0)
		}
		if k := t.Keepalive; k != nil {
			m.Tcp.TcpKeepalive = &networking.ConnectionPoolSettings_TCPSettings_TcpKeepalive{
				Probes: number32[uint32](w, doc, path+".tcp.tcpKeepalive.probes", k.Probes),
				Time:   durationMessage(k.Time), Interval: durationMessage(k.Interval),
			}
		}
	}
	if h := s.HTTP; h != nil {
		at := path + ".http."
		m.Http = &networking.ConnectionPoolSettings_HTTPSettings{
			Http1MaxPendingRequests:  number32[int32](w, doc, at+"http1MaxPendingRequests", h.HTTP1MaxPendingRequests),
			Http2MaxRequests:         number32[int32](w, doc, at+"http2MaxRequests", h.HTTP2MaxRequests),
			MaxRequestsPerConnection: number32[int32](w, doc, at+"maxRequestsPerConnection", h.MaxRequestsPerConnection),
			MaxRetries:               number32[int32](w, doc, at+"maxRetries", h.MaxRetries),
			IdleTimeout:              durationMessage(h.IdleTimeout),
			UseClientProtocol:        h.UseClientProtocol,
			MaxConcurrentStreams:     number32[int32](w, doc, at+"maxConcurrentStreams", h.MaxConcurrentStreams),
		}
		switch h.H2UpgradePolicy {
		case spec.H2UpgradeDefault:
		case spec.H2UpgradeNever:
			m.Http.H2UpgradePolicy = networking.ConnectionPoolSettings_HTTPSettings_DO_NOT_UPGRADE
		case spec.H2UpgradeAlways:
			m.Http.H2UpgradePolicy = networking.ConnectionPoolSettings_HTTPSettings_UPGRADE
		default:
			w.lost(doc, at+"h2UpgradePolicy", fmt.Sprintf("%d is not a policy", h.H2UpgradePolicy))
		}
		if k := h.HTTP2Keepalive; k != nil {
			m.Http.Http2KeepAlive = &networking.ConnectionPoolSettings_HTTPSettings_ConnectionKeepalive{
				Interval: durationMessage(k.Interval), Timeout: durationMessage(k.Timeout),
			}
		}
	}
	return m
}

func (w *writer) outlierDetection(doc *written, path string, s *spec.OutlierDetection) *networking.OutlierDetection {
	if s == nil {
		return nil
	}
	optional := func(field string, n *int) *wrapperspb.UInt32Value {
		if n == nil {
			return nil
		}
		return wrapperspb.UInt32(number32[uint32](w, doc, path+"."+field, *n))
	}
	m := &networking.OutlierDetection{
		Consecutive_5XxErrors:          optional("consecutive5xxErrors", s.Consecutive5xxErrors),
		ConsecutiveGatewayErrors:       optional("consecutiveGatewayErrors", s.ConsecutiveGatewayErrors),
		SplitExternalLocalOriginErrors: s.SplitExternalLocalOriginErrors,
		Interval:                       durationMessage(s.Interval),
		BaseEjectionTime:               durationMessage(s.BaseEjectionTime),
		MaxEjectionPercent:             number32[int32](w, doc, path+".maxEjectionPercent", s.MaxEjectionPercent),
		MinHealthPercent:               number32[int32](w, doc, path+".minHealthPercent", s.MinHealthPercent),
	}
	if n := s.ConsecutiveLocalOriginFailures; n != 0 {
		m.ConsecutiveLocalOriginFailures = optional("consecutiveLocalOriginFailures", &n)
	}
	return m
}

func (w *writer) clientTLS(doc *written, path string, s *spec.ClientTLS) *networking.ClientTLSSettings {
	if s == nil {
		return nil
	}
	m := &networking.ClientTLSSettings{
		ClientCertificate: s.ClientCertificate, PrivateKey: s.PrivateKey, CaCertificates: s.CACertificates, CaCrl: s.CACRL,
		CredentialName: s.CredentialName, SubjectAltNames: s.SubjectAltNames, Sni: s.SNI,
	}
	if s.InsecureSkipVerify {
		m.InsecureSkipVerify = wrapperspb.Bool(true)
	}
	switch s.Mode {
	case spec.ClientTLSDisable:
	case spec.ClientTLSSimple:
		m.Mode = networking.ClientTLSSettings_SIMPLE
	case spec.ClientTLSMutual:
		m.Mode = networking.ClientTLSSettings_MUTUAL
	case spec.ClientTLSIstioMutual:
		m.Mode = networking.ClientTLSSettings_ISTIO_MUTUAL
	default:
		w.lost(doc, path+".mode", fmt.Sprintf("%d is not a mode of TLS", s.Mode))
	}
	return m
}
