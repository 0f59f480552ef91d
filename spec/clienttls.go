package spec

// ClientTLS is TLS to a destination (Istio's ClientTLSSettings).
type ClientTLS struct {
	// Mode says whether there is TLS. The zero value is plain text.
	Mode ClientTLSMode
	// ClientCertificate and PrivateKey are files in PEM form: what MUTUAL shows.
	ClientCertificate, PrivateKey string
	// CACertificates is a file in PEM form with the authorities that are
	// trusted. Empty is those of the operating system.
	CACertificates string
	// CACRL is a file in PEM form with lists of revoked certificates, one of each
	// authority in a chain: what no list is about, or one that is no longer valid, is
	// refused. Empty asks nobody.
	CACRL string
	// CredentialName names certificates in place of files.
	CredentialName string
	// SubjectAltNames are the names of which the certificate must have one.
	// Empty is the service's SubjectAltNames; without any, and without SNI, it is
	// the Host of the request.
	SubjectAltNames []string
	// SNI is the server name that is asked for. Empty is the Host of the request.
	SNI string
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

// A ClientTLSMode says how connections to a destination are encrypted (Istio's
// ClientTLSSettings.TLSmode).
type ClientTLSMode uint8

// The modes of TLS to a destination.
const (
	// ClientTLSDisable is plain text.
	ClientTLSDisable ClientTLSMode = iota
	// ClientTLSSimple verifies the destination.
	ClientTLSSimple
	// ClientTLSMutual shows a certificate too.
	ClientTLSMutual
	// ClientTLSIstioMutual shows the certificate that a mesh gives to a workload.
	// Build refuses it: there is no mesh.
	ClientTLSIstioMutual
)
