package validate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// A located Locator represents a resource that was read from text.
type located struct{}

func (located) Locate(string) (line, column int, ok bool) { return 0, 0, false }

func TestValidateServer(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{Servers: []spec.Server{{Gateway: "gw", Port: 80, PortName: "http", Hosts: []string{"*"}}}}
	}
	server := func(change func(*spec.Server)) func(*spec.Declarations) {
		return func(d *spec.Declarations) { change(&d.Servers[0]) }
	}
	hosts := func(list ...string) func(*spec.Declarations) { return server(func(s *spec.Server) { s.Hosts = list }) }
	protocol := func(name string) func(*spec.Declarations) {
		return server(func(s *spec.Server) { s.Protocol = spec.Protocol(name) })
	}
	runResources(t, base, "Gateway default/gw: ", []resourceRow{
		{"port 1", server(func(s *spec.Server) { s.Port = 1 }), nil},
		{"port 65535", server(func(s *spec.Server) { s.Port = 65535 }), nil},
		{"no port", server(func(s *spec.Server) { s.Port = 0 }), []string{"port.number: 0 is not a port, 1 to 65535 is expected"}},
		{"port 65536", server(func(s *spec.Server) { s.Port = 65536 }), []string{"port.number: 65536 is not a port, 1 to 65535 is expected"}},
		{"an address", server(func(s *spec.Server) { s.Bind = "::1" }), nil},
		{"a name for an address", server(func(s *spec.Server) { s.Bind = "localhost" }),
			[]string{`bind: "localhost" is neither an IP address nor the path of a unix socket`}},
		{"a unix socket", server(func(s *spec.Server) { s.Port, s.Bind = 0, "unix:///run/gw.sock" }), nil},
		{"a unix socket with a port", server(func(s *spec.Server) { s.Bind = "unix:///run/gw.sock" }),
			[]string{"port.number: port 80 is given, but the server is bound to a unix socket: 0 is expected"}},

		{"grpc-web", protocol("grpc-web"), nil},
		{"http2", protocol("HTTP2"), nil},
		{"tcp", protocol("TCP"), []string{"~port.protocol: TCP is not executed by Lateen, which serves only HTTP: no port is opened for this server"}},
		{"no protocol", protocol("HTPP"),
			[]string{`port.protocol: "HTPP" is not a protocol: one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB is expected; did you mean "HTTP"?`}},

		{"hosts of all forms", hosts("*.a.test", "a.test", "./b.test", "*/c.test", "prod/*.d.test", "*/*", "prod/*"), nil},
		{"no host", hosts(), []string{`hosts: the server has no host: "*" means every host`}},
		{"no name of a host", hosts("a.*.test"), []string{`hosts[0]: "a.*.test" is not a host name: a wildcard is allowed only at the start of the first label`}},
		{"no namespace of a host", hosts("a.test", "a_b/c.test"), []string{`hosts[1]: "a_b" before / is neither "*", "." nor the name of a namespace`}},
		{"an empty namespace of a host", hosts("/c.test"), []string{`hosts[0]: "" before / is neither "*", "." nor the name of a namespace`}},
		{"no host after a namespace", hosts("prod/"), []string{`hosts[0]: a host name is missing`}},
		{"a selector for everything", server(func(s *spec.Server) { s.Selector = map[string]string{"istio": "*"} }),
			[]string{`selector[istio]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
		{"a selector of a resource is the Gateway's, and is reported once", func(d *spec.Declarations) {
			s := spec.Server{
				Gateway: "gw", Port: 80, PortName: "a", Protocol: "HTTP", Hosts: []string{"*"}, Selector: map[string]string{"istio": "*"},
				Origin: spec.Origin{Path: "spec.servers[0]", Fields: located{}},
			}
			second := s
			second.Port, second.PortName, second.Origin.Path = 81, "b", "spec.servers[1]"
			d.Servers = []spec.Server{s, second}
		}, []string{`spec.selector[istio]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
		{"a port name twice", func(d *spec.Declarations) {
			d.Servers = append(d.Servers, spec.Server{Gateway: "gw", Port: 81, PortName: "http", Hosts: []string{"*"}})
		}, []string{`port.name: "http" is the name of another port of this Gateway`}},
		{"a port name in two Gateways", func(d *spec.Declarations) {
			d.Servers = append(d.Servers, spec.Server{Gateway: "other", Port: 81, PortName: "http", Hosts: []string{"*"}})
		}, nil},
		{"no port name in Go", server(func(s *spec.Server) { s.PortName = "" }), nil},
		{"no port name in a resource", server(func(s *spec.Server) {
			s.PortName, s.Protocol, s.Origin.Fields = "", "HTTP", located{}
		}), []string{"port.name: the port has no name"}},
		{"no protocol in a resource", server(func(s *spec.Server) { s.Origin.Fields = located{} }),
			[]string{"port.protocol: the port has no protocol: one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB is expected"}},
	})
	runResources(t, base, "Gateway default/g.w: ", []resourceRow{
		{"a dot in the name", server(func(s *spec.Server) { s.Gateway = "g.w" }),
			[]string{`"g.w" is not the name of a Gateway: letters, digits and inner hyphens are expected`}},
	})
	require.Empty(t, validated(spec.Declarations{Servers: []spec.Server{{Port: 80, Hosts: []string{"*"}}}}, Options{}), "a server alone needs no name")
}

func TestValidateTLS(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{Servers: []spec.Server{{Gateway: "gw", Port: 443, PortName: "https", Protocol: "HTTPS", Hosts: []string{"*"}}}}
	}
	tls := func(settings spec.ServerTLS) func(*spec.Declarations) {
		return func(d *spec.Declarations) { d.Servers[0].TLS = &settings }
	}
	plain := func(settings spec.ServerTLS) func(*spec.Declarations) {
		return func(d *spec.Declarations) { d.Servers[0].Protocol, d.Servers[0].TLS = "HTTP", &settings }
	}
	files := spec.ServerTLS{ServerCertificate: "c.pem", PrivateKey: "k.pem"}
	with := func(s spec.ServerTLS, change func(*spec.ServerTLS)) spec.ServerTLS { change(&s); return s }
	credential := spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "cert"}
	pair := spec.TLSCertificate{ServerCertificate: "c.pem", PrivateKey: "k.pem"}
	pairs := func(change func(*spec.ServerTLS), list ...spec.TLSCertificate) func(*spec.Declarations) {
		return tls(with(spec.ServerTLS{Mode: spec.TLSSimple, TLSCertificates: list}, change))
	}
	as := func(mode spec.TLSMode) func(*spec.ServerTLS) { return func(s *spec.ServerTLS) { s.Mode = mode } }
	const sources = "tls: certificates come from one of credentialName, credentialNames, tlsCertificates and files, but 2 are given"
	const expected = "%s is not a version of TLS: one of TLSV1_0, TLSV1_1, TLSV1_2, TLSV1_3 is expected"
	runResources(t, base, "Gateway default/gw: ", []resourceRow{
		{"none", func(*spec.Declarations) {}, []string{"tls: protocol HTTPS needs TLS settings, and there are none"}},
		{"a credential", tls(credential), nil},
		{"two credentials", tls(spec.ServerTLS{Mode: spec.TLSSimple, CredentialNames: []string{"rsa", "ecdsa"}}), nil},
		{"three credentials", tls(spec.ServerTLS{Mode: spec.TLSSimple, CredentialNames: []string{"a", "b", "c"}}),
			[]string{"~tls.credentialNames: there are 3 certificates: only the first 2 are used [IST0133]"}},
		{"files", tls(with(files, func(s *spec.ServerTLS) { s.Mode = spec.TLSSimple })), nil},
		{"no key", tls(spec.ServerTLS{Mode: spec.TLSSimple, ServerCertificate: "c.pem"}), []string{"tls.privateKey: SIMPLE needs it, or a credentialName"}},
		{"no certificate", tls(spec.ServerTLS{Mode: spec.TLSSimple, PrivateKey: "k.pem"}), []string{"tls.serverCertificate: SIMPLE needs it, or a credentialName"}},
		{"mutual without CA", tls(with(files, func(s *spec.ServerTLS) { s.Mode = spec.TLSMutual })), []string{"tls.caCertificates: MUTUAL needs it, or a credentialName"}},
		{"optional mutual without CA", tls(with(files, func(s *spec.ServerTLS) { s.Mode = spec.TLSOptionalMutual })),
			[]string{"tls.caCertificates: OPTIONAL_MUTUAL needs it, or a credentialName"}},
		{"mutual with CA", tls(with(files, func(s *spec.ServerTLS) { s.Mode, s.CACertificates = spec.TLSMutual, "ca.pem" })), nil},
		{"two sources", tls(with(files, func(s *spec.ServerTLS) { s.Mode, s.CredentialName = spec.TLSSimple, "cert" })),
			[]string{sources}},
		{"a list of one", pairs(as(spec.TLSSimple), pair), nil},
		{"a list of two", pairs(as(spec.TLSSimple), pair, pair), nil},
		{"a list of three", pairs(as(spec.TLSSimple), pair, pair, pair),
			[]string{"~tls.tlsCertificates: there are 3 certificates: only the first 2 are used [IST0133]"}},
		{"a list without a key", pairs(as(spec.TLSSimple), pair, spec.TLSCertificate{ServerCertificate: "c.pem"}),
			[]string{"tls.tlsCertificates[1].privateKey: SIMPLE needs it, or a credentialName"}},
		{"a list without a certificate", pairs(as(spec.TLSSimple), spec.TLSCertificate{PrivateKey: "k.pem"}),
			[]string{"tls.tlsCertificates[0].serverCertificate: SIMPLE needs it, or a credentialName"}},
		{"a list, mutual without CA", pairs(as(spec.TLSMutual), pair), []string{"tls.caCertificates: MUTUAL needs it, or a credentialName"}},
		{"a list, mutual with CA", pairs(func(s *spec.ServerTLS) { s.Mode, s.CACertificates = spec.TLSMutual, "ca.pem" }, pair), nil},
		{"a list and a file", pairs(func(s *spec.ServerTLS) { s.ServerCertificate = "c.pem" }, pair), []string{sources}},
		{"a list and a credential", pairs(func(s *spec.ServerTLS) { s.CredentialName = "c" }, pair), []string{sources}},
		{"a list and credentials", pairs(func(s *spec.ServerTLS) { s.CredentialNames = []string{"c"} }, pair), []string{sources}},
		{"a list on HTTP", plain(spec.ServerTLS{TLSCertificates: []spec.TLSCertificate{pair}}),
			[]string{"tls: there are certificates, but the port serves plain text: only httpsRedirect can be used with it"}},
		{"the mesh's certificate and a list", pairs(as(spec.TLSIstioMutual), pair), []string{"tls: ISTIO_MUTUAL uses the workload's certificate: no other may be given"}},
		{"passthrough with a list", pairs(as(spec.TLSPassthrough), pair), []string{
			"~tls.mode: PASSTHROUGH is not executed by Lateen, which serves only HTTP: connections for these hosts are refused",
			"~tls: the certificates are not used: the mode is PASSTHROUGH [IST0133]",
		}},
		{"the mesh's certificate", tls(spec.ServerTLS{Mode: spec.TLSIstioMutual}), nil},
		{"the mesh's certificate and another", tls(with(files, func(s *spec.ServerTLS) { s.Mode = spec.TLSIstioMutual })),
			[]string{"tls: ISTIO_MUTUAL uses the workload's certificate: no other may be given"}},
		{"no mode", tls(spec.ServerTLS{}), []string{"tls.mode: the mode is missing: one of PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL, OPTIONAL_MUTUAL is expected"}},
		{"passthrough", tls(spec.ServerTLS{Mode: spec.TLSPassthrough}), []string{"~tls.mode: PASSTHROUGH is not executed by Lateen, which serves only HTTP: connections for these hosts are refused"}},
		{"passthrough with certificates", tls(func() spec.ServerTLS { s := files; s.Mode = spec.TLSPassthrough; return s }()), []string{
			"~tls.mode: PASSTHROUGH is not executed by Lateen, which serves only HTTP: connections for these hosts are refused",
			"~tls: the certificates are not used: the mode is PASSTHROUGH [IST0133]",
		}},
		{"a redirect on HTTPS", tls(with(credential, func(s *spec.ServerTLS) { s.HTTPSRedirect = true })),
			[]string{"~tls.httpsRedirect: has no effect on a server of protocol HTTPS: it belongs to the server of plain HTTP [IST0133]"}},
		{"no mode", tls(spec.ServerTLS{Mode: 99}), []string{"tls.mode: 99 is not a mode of TLS"}},
		{"a redirect on HTTP", plain(spec.ServerTLS{HTTPSRedirect: true}), nil},
		{"a mode on HTTP", plain(spec.ServerTLS{HTTPSRedirect: true, Mode: spec.TLSSimple}),
			[]string{"tls.mode: SIMPLE is a mode of TLS, but the port serves plain text: only httpsRedirect can be used with it"}},
		{"certificates on HTTP", plain(files), []string{"tls: there are certificates, but the port serves plain text: only httpsRedirect can be used with it"}},
		{"versions", tls(with(credential, func(s *spec.ServerTLS) { s.MinVersion, s.MaxVersion = "TLSV1_2", "TLSV1_3" })), nil},
		{"no version", tls(with(credential, func(s *spec.ServerTLS) { s.MinVersion = "TLS1.2" })),
			[]string{"tls.minProtocolVersion: " + strings.Replace(expected, "%s", `"TLS1.2"`, 1) + `; did you mean "TLSV1_2"?`}},
		{"from above the highest", tls(with(credential, func(s *spec.ServerTLS) { s.MinVersion, s.MaxVersion = "TLSV1_3", "TLSV1_2" })),
			[]string{"~tls.minProtocolVersion: TLSV1_3 is above the highest version, TLSV1_2: no client can connect"}},
		{"an old version without its ciphers", tls(with(credential, func(s *spec.ServerTLS) { s.MinVersion = "TLSV1_1" })),
			[]string{"~tls.minProtocolVersion: TLSV1_1 needs cipherSuites that it can use: the default ones are for TLSV1_2 and up [IST0133]"}},
		{"an old version with its ciphers", tls(with(credential, func(s *spec.ServerTLS) { s.MinVersion, s.CipherSuites = "TLSV1_1", []string{"AES128-SHA"} })), nil},
		{"a cipher twice", tls(with(credential, func(s *spec.ServerTLS) { s.CipherSuites = []string{"A", "B", "A"} })),
			[]string{`~tls.cipherSuites[2]: "A" is listed twice [IST0133]`}},
	})
	d := base()
	d.Servers[0].Protocol, d.Servers[0].TLS = "", &credential
	require.Empty(t, validated(d, Options{}), "a mode makes the protocol HTTPS")
}

func TestValidateConflictingServers(t *testing.T) {
	redirect := &spec.ServerTLS{HTTPSRedirect: true}
	secure := &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c"}
	old, recent := time.Unix(1, 0), time.Unix(2, 0)
	tests := []struct {
		name    string
		servers []spec.Server
		want    []string
	}{
		{"one host on two ports", []spec.Server{{Gateway: "a", Port: 80, Hosts: []string{"*"}}, {Gateway: "b", Port: 81, Hosts: []string{"*"}}}, nil},
		{"two hosts on one port", []spec.Server{{Gateway: "a", Port: 80, Hosts: []string{"a.test"}}, {Gateway: "b", Port: 80, Hosts: []string{"b.test"}}}, nil},
		{"one host of one Gateway", []spec.Server{{Gateway: "a", Port: 80, Hosts: []string{"*"}}, {Gateway: "a", Port: 80, Hosts: []string{"*"}}}, nil},
		{"one host of two Gateways", []spec.Server{{Gateway: "a", Port: 80, Hosts: []string{"*"}}, {Gateway: "b", Port: 80, Hosts: []string{"*"}}},
			[]string{`warning Gateway default/b: hosts[0]: "*" on port 80 is served by Gateway default/a too: the routes of both are joined [IST0145]`}},
		{"one host of two workloads", []spec.Server{
			{Gateway: "a", Port: 80, Hosts: []string{"*"}, Selector: map[string]string{"app": "a"}},
			{Gateway: "b", Port: 80, Hosts: []string{"*"}, Selector: map[string]string{"app": "b"}},
		}, nil},
		{"one host of two addresses", []spec.Server{
			{Gateway: "a", Port: 80, Bind: "10.0.0.1", Hosts: []string{"*"}}, {Gateway: "b", Port: 80, Bind: "10.0.0.2", Hosts: []string{"*"}},
		}, nil},
		{"two redirects of one host", []spec.Server{
			{Gateway: "a", Port: 80, Hosts: []string{"*"}, TLS: redirect}, {Gateway: "b", Port: 80, Hosts: []string{"b.test", "*"}, TLS: redirect},
		}, []string{`warning Gateway default/b: hosts[1]: the server is dropped, with all its hosts: "*" on port 80 already belongs to Gateway default/a [IST0145]`}},
		{"two certificates of one host, the younger first", []spec.Server{
			{Gateway: "a", Port: 443, Protocol: "HTTPS", Hosts: []string{"a.test"}, TLS: secure, Created: recent},
			{Gateway: "b", Port: 443, Protocol: "HTTPS", Hosts: []string{"a.test"}, TLS: secure, Created: old},
		}, []string{`warning Gateway default/a: hosts[0]: the server is dropped, with all its hosts: "a.test" on port 443 already belongs to Gateway default/b [IST0145]`}},
		{"a redirect and none", []spec.Server{
			{Gateway: "a", Port: 80, Hosts: []string{"*"}, TLS: redirect}, {Gateway: "b", Port: 80, Hosts: []string{"*"}},
		}, nil},
		{"a dropped server takes no host", []spec.Server{
			{Gateway: "a", Port: 443, Protocol: "HTTPS", Hosts: []string{"a.test"}, TLS: secure},
			{Gateway: "b", Port: 443, Protocol: "HTTPS", Hosts: []string{"a.test", "b.test"}, TLS: secure},
			{Gateway: "c", Port: 443, Protocol: "HTTPS", Hosts: []string{"b.test"}, TLS: secure},
		}, []string{`warning Gateway default/b: hosts[0]: the server is dropped, with all its hosts: "a.test" on port 443 already belongs to Gateway default/a [IST0145]`}},
		{"TLS after plain text", []spec.Server{
			{Gateway: "a", Port: 80, Hosts: []string{"a.test"}}, {Gateway: "b", Port: 80, Protocol: "HTTPS", Hosts: []string{"b.test"}, TLS: secure},
		}, []string{`warning Gateway default/b: port: the server is dropped: port 80 serves plain text for Gateway default/a [IST0145]`}},
		{"plain text after TLS", []spec.Server{
			{Gateway: "a", Port: 443, Protocol: "HTTPS", Hosts: []string{"b.test"}, TLS: secure}, {Port: 443, Hosts: []string{"a.test"}, Created: recent},
		}, []string{`error Gateway: port: port 443 serves TLS for Gateway default/a: plain text needs another port`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := validated(spec.Declarations{Servers: tt.servers}, Options{})
			if tt.want == nil {
				require.Empty(t, found)
				return
			}
			require.Equal(t, tt.want, found)
		})
	}
}
