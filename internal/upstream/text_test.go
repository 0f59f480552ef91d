package upstream

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUpstreamString(t *testing.T) {
	for _, row := range []struct {
		config Config
		want   string
	}{
		{Config{}, "STATIC none"},
		{Config{Endpoints: []Endpoint{{Address: "10.0.0.2:80"}, {Address: "unix:/x"}}}, "STATIC 10.0.0.2:80, unix:/x"},
		{Config{Endpoints: []Endpoint{{Address: "10.0.0.1:80", Weight: 3, Locality: "eu/eu-1", Labels: map[string]string{"version": "v1", "app": "shop"}}}},
			"STATIC 10.0.0.1:80 weight 3 in eu/eu-1 app=shop version=v1"},
		{Config{Resolution: DNS, Resolver: new(table), Endpoints: []Endpoint{{Address: "a.test:80"}}}, "DNS a.test:80"},
		{Config{Resolution: DNSRoundRobin, Resolver: new(table), Endpoints: []Endpoint{{Address: "a.test:80"}}}, "DNS_ROUND_ROBIN a.test:80"},
		{Config{Resolution: DynamicDNS, Endpoints: []Endpoint{{Address: "*.a.test:80"}}}, "DYNAMIC_DNS *.a.test:80"},
		{Config{Discovery: func(ctx context.Context, _ func([]Endpoint)) error { <-ctx.Done(); return nil }}, "discovered"},
	} {
		require.Equal(t, row.want, newUpstream(t, row.config).String())
	}
	require.Equal(t, "9", Resolution(9).String())
}
