package prometheus

import (
	"bytes"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// The collector has what the text has.
func TestClusterCollector(t *testing.T) {
	list := []observe.Cluster{
		{
			Name: "outbound|80||cart", Ejections: 3, Limited: true, Endpoints: []observe.Endpoint{{Address: "10.0.0.1:80", Active: 2}, {Ejected: true}},
			Connections: observe.Usage{Active: 3, Max: 3},
		},
		{Name: "outbound|80||shop"},
	}
	registry := client.NewPedanticRegistry()
	registry.MustRegister(NewClusterCollector(func() []observe.Cluster { return list }))
	var text bytes.Buffer
	require.NoError(t, metrics.WriteClusters(&text, list))
	require.NoError(t, testutil.GatherAndCompare(registry, &text))
	n, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	require.Equal(t, 5*2+6, n)
}
