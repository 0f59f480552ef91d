// Package certificate says what is wrong with a server's certificate for its clients.
package certificate

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// day is how times are written.
const day = "2006-01-02 15:04 MST"

// DateProblem returns why a certificate is not valid now, or "".
func DateProblem(c *x509.Certificate, now time.Time) string {
	switch {
	case now.After(c.NotAfter):
		return "the certificate expired at " + c.NotAfter.UTC().Format(day)
	case now.Before(c.NotBefore):
		return "the certificate is not valid before " + c.NotBefore.UTC().Format(day)
	}
	return ""
}

// WeakProblem returns why clients do not trust the key or the signature of a certificate, or
// "".
func WeakProblem(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return fmt.Sprintf("the RSA key of the certificate has %d bits: clients expect at least 2048", bits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return fmt.Sprintf("the key of the certificate is on a curve of %d bits: clients expect at least 256", bits)
		}
	}
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return fmt.Sprintf("the certificate is signed with %v: clients refuse it", c.SignatureAlgorithm)
	}
	return ""
}

// Names returns the names in a certificate.
func Names(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// HostProblem returns which of a server's hosts, in the form "namespace/host" or "host",
// none of its certificates has a name for, or "". A host that is a wildcard needs a name
// that is one.
func HostProblem(certificates []*x509.Certificate, hosts []string) string {
	var uncovered []string
	for _, host := range hosts {
		if _, name, ok := strings.Cut(host, "/"); ok {
			host = name
		}
		if host != "*" && !covers(certificates, host) {
			uncovered = append(uncovered, host)
		}
	}
	if len(uncovered) == 0 || len(certificates) == 0 {
		return ""
	}
	var names []string
	for _, c := range certificates {
		names = append(names, Names(c)...)
	}
	has := "no name"
	if len(names) > 0 {
		has = "the names " + shortened(names)
	}
	return fmt.Sprintf("the certificate has no name for %s: it has %s", shortened(uncovered), has)
}

func covers(certificates []*x509.Certificate, host string) bool {
	// A name below a wildcard stands for all of them.
	name := strings.Replace(host, "*", "any", 1)
	for _, c := range certificates {
		if c.VerifyHostname(name) == nil {
			if !strings.HasPrefix(host, "*") {
				return true
			}
			for _, has := range c.DNSNames {
				if strings.EqualFold(has, host) {
					return true
				}
			}
		}
	}
	return false
}

// shortened returns a list of names for a message.
func shortened(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
