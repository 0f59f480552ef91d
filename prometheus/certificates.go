package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// NewCertificateCollector returns a collector of when certificates expire, with the names and
// values that metrics.WriteCertificates writes. Each scrape calls certificates, which is
// server.Listeners.Certificates.
func NewCertificateCollector(certificates func() []observe.Certificate) client.Collector {
	return newFigureCollector(metrics.CertificateFigures, certificates, []string{"certificate"}, named((*observe.Certificate).String))
}
