package prometheus

import (
	"bytes"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// The collector has what the text has.
func TestCertificateCollector(t *testing.T) {
	list := []observe.Certificate{
		{Gateway: "default/shop", Port: 443, Names: []string{"shop.test"}, Serial: "2a", NotAfter: time.Unix(1_800_000_000, 0)},
		{Gateway: "default/shop", Port: 443, Names: []string{"shop.test"}, Serial: "2b", NotAfter: time.Unix(1_900_000_000, 0)},
	}
	registry := client.NewPedanticRegistry()
	registry.MustRegister(NewCertificateCollector(func() []observe.Certificate { return list }))
	var text bytes.Buffer
	require.NoError(t, metrics.WriteCertificates(&text, list))
	require.Contains(t, text.String(), `lateen_certificate_expiration_timestamp_seconds{certificate="default/shop:443 shop.test 2a"} 1.8e+09`)
	require.NoError(t, testutil.GatherAndCompare(registry, &text))
}
