package server

import (
	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// Certificates returns the certificates of all TLS servers, in the order of the ports.
// Servers may share one.
func (s *Listeners) Certificates() []observe.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []observe.Certificate
	for _, p := range s.ports {
		if p.secure {
			out = append(out, p.terminator.certificates...)
		}
	}
	return out
}

// CheckTLS reads the certificates of a gateway's TLS servers as Start would, and opens
// nothing. The errors are the servers that no client can connect to. Those without their
// credential or file have spec.CodeNotFound, others have spec.CodeInvalid. The warnings are
// about certificates that clients will not accept. Config.Credentials are used.
func CheckTLS(gw *gateway.Gateway, c Config) (unusable []*spec.Error, warnings []spec.Warning) {
	for _, l := range gw.Listeners() {
		if !l.TLS() {
			continue
		}
		t := newTerminator(l, l.Servers(), credentials{c.Credentials, gw.Credentials()}, nil)
		for _, f := range t.findings {
			if f.unusable {
				unusable = append(unusable, &spec.Error{Finding: f.Finding})
			} else {
				warnings = append(warnings, spec.Warning{Finding: f.Finding})
			}
		}
	}
	return unusable, warnings
}

// terminate reads the certificates of ports for the next configuration. The error joins the
// servers that no client can connect to, unless those are allowed.
func (s *Listeners) terminate(ports []*port, servers func(*gateway.Listener) []spec.Server, declared map[string]gateway.Credential) []error {
	var problems []error
	for _, p := range ports {
		var kept *terminator
		for _, old := range s.ports {
			if old.socket == p.socket {
				kept = old.terminator
			}
		}
		p.terminator = newTerminator(p.listener, servers(p.listener), credentials{s.config.Credentials, declared}, kept)
		for _, f := range p.terminator.findings {
			if f.unusable && !s.config.AllowBrokenTLS {
				problems = append(problems, &spec.Error{Finding: f.Finding})
			}
		}
	}
	return problems
}

// warnings returns the findings of the present certificates as warnings.
func (t *terminator) warnings() []spec.Warning {
	var out []spec.Warning
	for _, f := range t.findings {
		f.Code = "" // the codes of warnings are Istio's
		out = append(out, spec.Warning{Finding: f.Finding})
	}
	return out
}
