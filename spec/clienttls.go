package spec

// ClientTLS configures TLS to a destination (Istio's ClientTLSSettings).
type ClientTLS struct {
	// Mode selects plain text or TLS. The zero value is plain text.
	Mode ClientTLSMode
	// ClientCertificate and PrivateKey are PEM files: the client certificate
	// for ClientTLSMutual, and its key.
	ClientCertificate, PrivateKey string
	// CACertificates is a PEM file with the trusted authorities. If it is empty,
	// the authorities of the operating system are trusted.
	CACertificates string
	// CACRL is a PEM file with certificate revocation lists, one for each
	// authority in a chain. A certificate is refused unless a valid list covers
	// it. If CACRL is empty, revocation is not checked.
	CACRL string
	// CredentialName names a credential that replaces the files.
	CredentialName string
	// SubjectAltNames are the accepted names: the certificate must have one of
	// them. If the list is empty, the SubjectAltNames of the service are used.
	// If these and SNI are empty too, the Host of the request is used.
	SubjectAltNames []string
	// SNI is the server name in the TLS handshake. If it is empty, the Host of
	// the request is used.
	SNI string
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

// A ClientTLSMode selects how connections to a destination are encrypted (Istio's
// ClientTLSSettings.TLSmode).
type ClientTLSMode uint8

// The modes of TLS to a destination.
const (
	// ClientTLSDisable uses plain text.
	ClientTLSDisable ClientTLSMode = iota
	// ClientTLSSimple uses TLS and verifies the destination.
	ClientTLSSimple
	// ClientTLSMutual also presents a client certificate.
	ClientTLSMutual
	// ClientTLSIstioMutual presents the workload's certificate from the mesh.
	// Builder.Build refuses it, because there is no mesh.
	ClientTLSIstioMutual
)
