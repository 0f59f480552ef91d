package spec

import (
	"time"
)

// A Server is one server of a gateway: a port and its hosts (Istio's Server,
// with some fields of its Gateway).
type Server struct {
	// Gateway and Namespace identify the Gateway resource of the server, which
	// VirtualService.Gateways names. An empty Namespace means the default
	// namespace of the Builder.
	Gateway, Namespace string

	// Name is only used in metrics.
	Name string

	// Port is the port number that routes and listeners use for the server.
	Port int
	// PortName must be unique within one Gateway.
	PortName string
	// Protocol is HTTP, HTTP2, GRPC, GRPC-WEB or HTTPS, in any letter case. All
	// of them serve both HTTP/1.1 and HTTP/2. Empty means HTTP, or HTTPS if TLS
	// has a mode.
	Protocol Protocol
	// Bind is the address of a separate listener. Empty means all addresses.
	Bind string

	// Hosts are "host" or "namespace/host". The namespace is a name, "." or "*"
	// (the default). Only VirtualServices of that namespace may bind to the host.
	Hosts []string

	// TLS configures TLS. Nil means plain text.
	TLS *ServerTLS

	// Selector must be a subset of the labels of the workload
	// (Builder.Workload). Empty selects every workload.
	Selector map[string]string

	// Created orders gateways that share a port. Gateways of the same time are
	// ordered by name, then by namespace. The zero time is older than all
	// others.
	Created time.Time

	Origin Origin
}

// ServerTLS configures TLS on a Server (Istio's ServerTLSSettings).
type ServerTLS struct {
	// HTTPSRedirect answers every plain-text request with a redirect to https.
	HTTPSRedirect bool

	// Mode selects how to handle a TLS connection. The zero value, TLSUnset, is
	// not a mode.
	Mode TLSMode

	// CredentialName names one certificate. CredentialNames names several; the
	// first two are used. The authorities and revocation lists for client
	// certificates come from the first name.
	CredentialName  string
	CredentialNames []string
	// CACertCredentialName names the credential with the authorities and
	// revocation lists for client certificates, instead of the credentials above.
	CACertCredentialName string

	// ServerCertificate, PrivateKey and CACertificates are PEM files.
	ServerCertificate, PrivateKey, CACertificates string
	// TLSCertificates are several certificates, instead of ServerCertificate,
	// with keys of different types. The first two are used.
	TLSCertificates []TLSCertificate
	// CACRL is a PEM file with revocation lists for client certificates, one
	// for each authority in a chain. A certificate is refused unless a valid
	// list covers it. If CACRL is empty, revocation is not checked. A
	// credential has its own lists.
	CACRL string

	// MinVersion and MaxVersion are TLSV1_0 to TLSV1_3. Empty means TLSV1_2 and
	// TLSV1_3.
	MinVersion, MaxVersion TLSVersion
	// CipherSuites are BoringSSL's names of cipher suites.
	CipherSuites []string

	// SubjectAltNames accepts only client certificates with one of these names.
	SubjectAltNames []string
	// VerifyCertificateSPKI and VerifyCertificateHash further limit the
	// accepted client certificates. The first list has SHA-256 hashes of the
	// subject public key info, in base64. The second has SHA-256 hashes of the
	// certificate, in hexadecimal with or without colons. A certificate must be
	// in one of the two lists. As in Envoy, any of these limits makes a client
	// certificate required, even with TLSOptionalMutual.
	VerifyCertificateSPKI, VerifyCertificateHash []string
}

// A TLSCertificate is one of several certificates of a server, in PEM files
// (Istio's ServerTLSSettings.TLSCertificate).
type TLSCertificate struct {
	ServerCertificate, PrivateKey string
}

// A TLSMode selects how a server handles a TLS connection (Istio's
// ServerTLSSettings.TLSmode). The zero value is not a mode: a TLS server must
// set one, although Istio then uses PASSTHROUGH.
type TLSMode uint8

// The modes of a TLS server.
const (
	// TLSUnset is no mode, for a plain-text server.
	TLSUnset TLSMode = iota
	TLSPassthrough
	TLSSimple
	TLSMutual
	TLSAutoPassthrough
	TLSIstioMutual
	TLSOptionalMutual
)
