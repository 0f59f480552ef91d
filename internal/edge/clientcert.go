package edge

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"

	"github.com/lateengo/gateway/internal/field"
)

// ForwardedClientCert describes a certificate as Envoy's
// X-Forwarded-Client-Cert does: with its hash, PEM text, subject and names.
func ForwardedClientCert(cert *x509.Certificate) string {
	var b strings.Builder
	sum := sha256.Sum256(cert.Raw)
	b.WriteString("Hash=" + hex.EncodeToString(sum[:]))
	b.WriteString(`;Cert="` + EscapeCertificate(cert) + `"`)
	// The subject's text has its quotes and backslashes escaped already.
	b.WriteString(`;Subject="` + cert.Subject.String() + `"`)
	for _, uri := range cert.URIs {
		b.WriteString(";URI=" + certificateName(uri.String()))
	}
	for _, name := range cert.DNSNames {
		b.WriteString(";DNS=" + certificateName(name))
	}
	return field.Value(b.String())
}

// certificateName quotes a name that could be read as more than one element.
func certificateName(name string) string {
	if !strings.ContainsAny(name, `,;="`) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// EscapeCertificate returns a certificate in PEM form, percent-encoded.
func EscapeCertificate(cert *x509.Certificate) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	return strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20")
}

// clientCertificate returns X-Forwarded-Client-Cert for a verified client
// certificate, or "" (Envoy's SANITIZE_SET with subject, certificate and SANs).
func clientCertificate(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return ForwardedClientCert(r.TLS.PeerCertificates[0])
}
