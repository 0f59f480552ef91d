package server

import (
	"crypto/rsa"
	"crypto/tls"
)

// setCertificates lets config choose among the certificates, in their order. If
// there are several, a client gets one with a key other than RSA if it supports
// that, and the first if none is suitable (Envoy's
// DefaultTlsCertificateSelector).
func setCertificates(config *tls.Config, shown []tls.Certificate) {
	if len(shown) == 1 {
		config.Certificates = shown
		return
	}
	var preferred, others []*tls.Certificate
	for i := range shown {
		c := &shown[i]
		if isRSA(c) {
			others = append(others, c)
		} else {
			preferred = append(preferred, c)
		}
	}
	preferred = append(preferred, others...)
	// config.Certificates would bypass this choice for clients without a name.
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		for _, c := range preferred {
			if hello.SupportsCertificate(c) == nil {
				return c, nil
			}
		}
		return &shown[0], nil
	}
}

func isRSA(c *tls.Certificate) bool {
	_, ok := c.Leaf.PublicKey.(*rsa.PublicKey)
	return ok
}
