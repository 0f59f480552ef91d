package spec

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoPath(t *testing.T) {
	tests := []struct{ kind, path, want string }{
		{"Route", "", ""},
		{"Route", "name", "Name"},
		{"Route", "route[0].destination.host", "Destinations[0].Host"},
		{"Route", "route[12].destination.port.number", "Destinations[12].Port"},
		{"Route", "route[0].weight", "Destinations[0].Weight"},
		{"Route", "route[0].headers.request.add[x-a.b]", `Destinations[0].Headers.Request.Add["x-a.b"]`},
		{"Route", "mirrors[1].destination.host", "Mirrors[1].Destination.Host"},
		{"Route", "mirrors[1].percentage.value", "Mirrors[1].Percent"},
		{"Route", "match[0].uri.regex", "Match[0].URI.Value"},
		{"Route", "match[0].ignoreUriCase", "Match[0].IgnoreURICase"},
		{"Route", "match[2].headers[:path].exact", `Match[2].Headers[":path"].Value`},
		{"Route", "match[2].queryParams[a.b]", `Match[2].QueryParams["a.b"]`},
		{"Route", "retries.retryOn", "Retry.On"},
		{"Route", "retries.backoff", "Retry.Backoff"},
		{"Route", "corsPolicy.allowOrigins[0].prefix", "CORS.AllowOrigins[0].Value"},
		{"Route", "redirect.redirectCode", "Redirect.Code"},
		{"Route", "rewrite.uriRegexRewrite.match", "Rewrite.URIRegex.Match"},
		{"Route", "fault.delay.percentage.value", "Fault.Delay.Percent"},
		{"Route", "fault.abort.grpcStatus", "Fault.Abort.GRPCStatus"},
		{"Route", "rateLimits[0].requestsPerUnit", "RateLimits[0].Requests"},
		{"Route", "rateLimits[0].per[1].header", "RateLimits[0].Per[1].Header"},
		{"Middleware", "headers.response.remove[0]", "Headers.Response.Remove[0]"},
		{"VirtualService", "http[3].route[0].weight", "Routes[3].Destinations[0].Weight"},
		{"VirtualService", "exportTo[0]", "ExportTo[0]"},
		{"Server", "port.number", "Port"},
		{"Server", "port.name", "PortName"},
		{"Server", "port.protocol", "Protocol"},
		{"Server", "tls.minProtocolVersion", "TLS.MinVersion"},
		{"Server", "tls.tlsCertificates[0].privateKey", "TLS.TLSCertificates[0].PrivateKey"},
		{"Service", "ports[0].targetPort", "Ports[0].TargetPort"},
		{"Service", "endpoints[0].ports[http]", `Endpoints[0].Ports["http"]`},
		{"WorkloadEntry", "address", "Address"},
		{"DestinationRule", "trafficPolicy.portLevelSettings[0].port.number", "TrafficPolicy.PortLevelSettings[0].Port"},
		{"DestinationRule", "subsets[0].trafficPolicy.connectionPool.tcp.tcpKeepalive.time", "Subsets[0].TrafficPolicy.ConnectionPool.TCP.Keepalive.Time"},
		{"DestinationRule", "trafficPolicy.connectionPool.http.http2KeepAlive.interval", "TrafficPolicy.ConnectionPool.HTTP.HTTP2Keepalive.Interval"},
		{"DestinationRule", "trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to[a/b]", `TrafficPolicy.LoadBalancer.Locality.Distribute[0].To["a/b"]`},
		{"DestinationRule", "trafficPolicy.loadBalancer.consistentHash.httpCookie.ttl", "TrafficPolicy.LoadBalancer.ConsistentHash.HTTPCookie.TTL"},
		{"DestinationRule", "trafficPolicy.tls.caCrl", "TrafficPolicy.TLS.CACRL"},
		{"RateLimitPolicy", "targetRefs[0].sectionName", "Targets[0].SectionName"},
		{"RateLimitPolicy", "limits[0].when.uri", "Limits[0].When.URI"},
		{"Route", "unheard.of", "unheard"},
		{"Backend", "some.path", "some.path"},
	}
	for _, tt := range tests {
		t.Run(tt.kind+" "+tt.path, func(t *testing.T) {
			require.Equal(t, tt.want, goPath(tt.kind, tt.path))
		})
	}
}

// TestGoNames walks all types, and looks up each entry of the table in them.
func TestGoNames(t *testing.T) {
	types := make(map[string]reflect.Type)
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for k := t.Kind(); k == reflect.Pointer || k == reflect.Slice || k == reflect.Map; k = t.Kind() {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || types[t.Name()] != nil {
			return
		}
		types[t.Name()] = t
		for i := range t.NumField() {
			walk(t.Field(i).Type)
		}
	}
	for _, root := range goTypes {
		walk(root)
	}
	for from, to := range goNames {
		name, _, _ := strings.Cut(from, ".")
		require.Contains(t, types, name, from)
		if to != "" {
			_, ok := types[name].FieldByName(to)
			require.True(t, ok, "%s: %s has no field %s", from, name, to)
		}
	}
}
