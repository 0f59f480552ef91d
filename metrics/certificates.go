package metrics

import (
	"io"

	"github.com/lateengo/gateway/observe"
)

// CertificateFigures are the figures of a served certificate, in the order in which
// WriteCertificates writes them. Their label is certificate.
var CertificateFigures = []Figure[observe.Certificate]{
	{"lateen_certificate_expiration_timestamp_seconds", "When a certificate that is served expires, in Unix time.", false, func(c *observe.Certificate) (float64, bool) {
		return float64(c.NotAfter.Unix()), true
	}},
}

// WriteCertificates writes the figures of certificates in the text format of Prometheus.
// server.Listeners.Certificates returns those that are served.
func WriteCertificates(w io.Writer, certificates []observe.Certificate) error {
	if len(certificates) == 0 {
		return nil
	}
	return writeFigures(w, CertificateFigures, certificates, []string{"certificate"}, named((*observe.Certificate).String))
}
