package header

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
)

// ConnectionOperators read a client's TLS connection. On plain text they are
// empty.
var ConnectionOperators = map[string]func(*tls.ConnectionState) string{
	"REQUESTED_SERVER_NAME": func(t *tls.ConnectionState) string { return t.ServerName },
	"DOWNSTREAM_TLS_VERSION": func(t *tls.ConnectionState) string {
		return strings.Replace(tls.VersionName(t.Version), "TLS 1", "TLSv1", 1)
	},
	"DOWNSTREAM_TLS_CIPHER": func(t *tls.ConnectionState) string { return cipherName(t.CipherSuite) },
}

// CertificateOperators read a client's certificate. Without a certificate they
// are empty.
var CertificateOperators = map[string]func(*x509.Certificate) string{
	"DOWNSTREAM_PEER_SUBJECT": func(c *x509.Certificate) string { return c.Subject.String() },
	"DOWNSTREAM_PEER_URI_SAN": func(c *x509.Certificate) string {
		names := make([]string, len(c.URIs))
		for i, u := range c.URIs {
			names[i] = u.String()
		}
		return strings.Join(names, ",")
	},
	"DOWNSTREAM_PEER_DNS_SAN": func(c *x509.Certificate) string { return strings.Join(c.DNSNames, ",") },
	"DOWNSTREAM_PEER_CERT":    edge.EscapeCertificate,
	"DOWNSTREAM_PEER_FINGERPRINT_256": func(c *x509.Certificate) string {
		sum := sha256.Sum256(c.Raw)
		return hex.EncodeToString(sum[:])
	},
}

// TLSOperatorNames returns the names of these operators.
func TLSOperatorNames() []string {
	return slices.Concat(slices.Sorted(maps.Keys(ConnectionOperators)), slices.Sorted(maps.Keys(CertificateOperators)))
}

// tlsOperator returns one of these operators, or nil.
func tlsOperator(name string) func(*Context) string {
	if value := ConnectionOperators[name]; value != nil {
		return func(c *Context) string {
			if c.X.Incoming().TLS == nil {
				return ""
			}
			return value(c.X.Incoming().TLS)
		}
	}
	if value := CertificateOperators[name]; value != nil {
		return func(c *Context) string {
			if cert := peerCertificate(c.X.Incoming()); cert != nil {
				return value(cert)
			}
			return ""
		}
	}
	return nil
}

// peerCertificate returns the client's certificate, or nil.
func peerCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// cipherName returns OpenSSL's name of a cipher suite, as Envoy does. Below TLS
// 1.3 it differs from the name in IANA's registry.
func cipherName(suite uint16) string {
	name := tls.CipherSuiteName(suite)
	exchange, cipher, found := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	if !found {
		return name
	}
	cipher = strings.NewReplacer("AES_128", "AES128", "AES_256", "AES256", "_CBC_SHA", "-SHA", "_POLY1305_SHA256", "-POLY1305", "3DES_EDE", "DES-CBC3", "_", "-").
		Replace(cipher)
	if exchange == "RSA" {
		return cipher
	}
	return strings.ReplaceAll(exchange, "_", "-") + "-" + cipher
}
