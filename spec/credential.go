package spec

// A Credential is what a credentialName names: a certificate with its key, and the
// authorities for the certificates of others (a Secret of Kubernetes). As in Istio, only
// those in the namespace of the gateway's workload are used: see Builder.Workload.
//
// A credential that is registered in Go under the same name is used instead.
type Credential struct {
	Name, Namespace string
	// Certificate is a certificate with the chain of its issuers, and Key is its
	// private key.
	Certificate, Key PEM
	// CACertificates are the authorities.
	CACertificates PEM
	// CRL are lists of revoked certificates. If it is not zero, each authority in a
	// chain needs a list that is currently valid.
	CRL PEM
	// OCSPStaple is an OCSP response for the certificate, in DER form. Servers send it to
	// clients that ask for it.
	OCSPStaple PEM

	Origin Origin
}
