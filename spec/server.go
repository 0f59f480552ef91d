package spec

import (
	"time"
)

// A Server is one server of a gateway: a port and the hosts served on it
// (Istio's Server, with what it takes from its Gateway).
type Server struct {
	// Gateway and Namespace identify the Gateway resource it belongs to, which
	// VirtualService.Gateways names. An empty Namespace is the builder's
	// default namespace.
	Gateway, Namespace string

	// Name is used in metrics only.
	Name string

	// Port is the number that routes and listeners know the server by.
	Port int
	// PortName is unique within one Gateway.
	PortName string
	// Protocol is HTTP, HTTP2, GRPC, GRPC-WEB or HTTPS, in any letter case.
	// HTTP/1.1 and HTTP/2 are both served under each of them. Empty is HTTP,
	// or HTTPS where TLS has a mode.
	Protocol string
	// Bind is the address of a listener of its own. Empty is the wildcard.
	Bind string

	// Hosts are "host" or "namespace/host", where namespace is that of the
	// VirtualServices which may bind: a name, "." or "*" (the default).
	Hosts []string

	// TLS is nil for plain text.
	TLS *ServerTLS

	// Selector must be a subset of the workload's labels (Builder.Workload).
	// Empty selects every workload.
	Selector map[string]string

	// Created orders the gateways that meet on one port, then name, then
	// namespace. The zero time is older than all others.
	Created time.Time

	Origin Origin
}

// ServerTLS is the TLS side of a Server (Istio's ServerTLSSettings).
type ServerTLS struct {
	// HTTPSRedirect answers every plain-text request with a redirect to https.
	HTTPSRedirect bool

	// Mode is how a TLS connection is treated. The zero value passes it through.
	Mode TLSMode

	// CredentialName names the certificate, as CredentialNames does for several,
	// of which the first two are used. The authorities of client certificates, and
	// lists of revoked ones, are those of the first name.
	CredentialName  string
	CredentialNames []string
	// CACertCredentialName names the authorities of client certificates, and lists
	// of revoked ones, in place of the credentials above.
	CACertCredentialName string

	// ServerCertificate, PrivateKey and CACertificates are files in PEM form.
	ServerCertificate, PrivateKey, CACertificates string
	// TLSCertificates are several certificates in place of ServerCertificate, with
	// keys of different types. The first two are used.
	TLSCertificates []TLSCertificate
	// CACRL is a file in PEM form with lists of revoked client certificates, one of
	// each authority in a chain: what no list is about, or one that is no longer
	// valid, is refused. Empty asks nobody. A credential has its own lists.
	CACRL string

	// MinVersion and MaxVersion are TLSV1_0 to TLSV1_3. Empty is TLSV1_2 and
	// TLSV1_3.
	MinVersion, MaxVersion string
	// CipherSuites are names as BoringSSL knows them.
	CipherSuites []string

	// SubjectAltNames restricts client certificates to those with one of the names.
	SubjectAltNames []string
	// VerifyCertificateSPKI and VerifyCertificateHash restrict client certificates
	// beside that: to those whose subject public key info has one of the SHA-256 in
	// the first list, in base64, or which have one of those in the second,
	// themselves, in hexadecimal with or without colons. Either list suffices.
	// Where certificates are restricted, one is required, as in Envoy, even with
	// TLSOptionalMutual.
	VerifyCertificateSPKI, VerifyCertificateHash []string
}

// A TLSCertificate is one of several certificates of a server: files in PEM form
// (Istio's ServerTLSSettings.TLSCertificate).
type TLSCertificate struct {
	ServerCertificate, PrivateKey string
}

// A TLSMode says how a server treats a TLS connection (Istio's
// ServerTLSSettings.TLSmode). The zero value is TLSPassthrough, as in Istio.
type TLSMode uint8

// The modes of a TLS server.
const (
	TLSPassthrough TLSMode = iota
	TLSSimple
	TLSMutual
	TLSAutoPassthrough
	TLSIstioMutual
	TLSOptionalMutual
)
