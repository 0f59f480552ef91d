package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompare changes one place in a dump that decides as the files do.
func TestCompare(t *testing.T) {
	indented, err := os.ReadFile("testdata/compare/routes.json")
	require.NoError(t, err)
	var dump bytes.Buffer
	require.NoError(t, json.Compact(&dump, indented))
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"nothing", "", "", nil},
		// What istiod writes beside, and what says the same in other words.
		{"other metadata", `"operation":"cart:8080/cart/*"`, `"operation":"x"`, nil},
		{"weights with the same shares", `"weight":90`, `"weight":9`, []string{"destination"}},
		{"domains with ports", `"domains":["shop.example.com"`, `"domains":["shop.example.com:*","shop.example.com"`, nil},
		{"the default of retries of older versions", `"retryOn":"connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes","numRetries":2`, `"retryOn":"connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes","retriableStatusCodes":[503],"numRetries":2`, []string{"note: the cluster also retries 503 by default"}},
		{"a header matcher of the old form", `"stringMatch":{"exact":"POST"}`, `"exactMatch":"POST"`, nil},
		// What differs.
		{"a path", `"path":"/reviews"`, `"path":"/review"`, []string{"GET 'http://shop.example.com/review?v=2'", "GET 'http://shop.example.com/reviews?v=2'"}},
		{"a timeout", `"timeout":"3s"`, `"timeout":"4s"`, []string{"POST http://shop.example.com/cart/", "timeout         4s → 3s"}},
		{"no timeout", `"timeout":"3s",`, ``, []string{"timeout         15s → 3s"}},
		{"a header", `"value":"no-store"`, `"value":"no-cache"`, []string{"response header set cache-control: no-cache → set cache-control: no-store"}},
		{"a header that is added twice", `"key":"x-cart","value":"1"},"appendAction":"OVERWRITE_IF_EXISTS_OR_ADD"`, `"key":"x-via","value":"1"}`, []string{"add x-via: 1"}},
		{"a condition", `"exact":"POST"`, `"exact":"PUT"`, []string{"PUT http://shop.example.com/cart/", "POST http://shop.example.com/cart/"}},
		{"a mirror", `"numerator":250000`, `"numerator":500000`, []string{"mirror          50% to shadow.default.svc.cluster.local:80 → 25% to"}},
		{"a fault", `"fixedDelay":"2s"`, `"fixedDelay":"1s"`, []string{"delay 0.5% by 1s → delay 0.5% by 2s"}},
		{"CORS", `"maxAge":"86400"`, `"maxAge":"60"`, []string{"cors"}},
		{"a redirect", `"responseCode":"FOUND"`, `"responseCode":"SEE_OTHER"`, []string{"redirect 303"}},
		{"a body", `"inlineString":"ok"`, `"inlineString":"OK"`, []string{`respond 200 "OK"`}},
		{"letter case", `"caseSensitive":false`, `"caseSensitive":true`, []string{"http://shop.example.com/"}},
		{"TLS of a host", `"requireTls":"ALL"`, `"requireTls":"NONE"`, []string{"added GET http://secure.example.com/", "redirect 301 to https"}},
		{"a destination", "outbound|3000||web.default.svc.cluster.local", "outbound|3001||web.default.svc.cluster.local", []string{"web.default.svc.cluster.local:3001 → web.default.svc.cluster.local:3000"}},
		{"a port", `"http.8080"`, `"http.9090"`, []string{"note: http.9090 of the cluster is compared with http.80"}},
		{"a server", "https.443.https.shop.default", "https.443.https.other.default", []string{"in the cluster only", "in the files only"}},
		// What is not understood is said, and never taken for equal.
		{"a matcher", `"stringMatch":{"safeRegex":{"regex":"gold|silver"}}`, `"rangeMatch":{"start":1,"end":5}`, []string{"not proved", "a range_match of the header x-plan is not understood"}},
		{"a field", `"prefixRewrite":"/"`, `"pathRewritePolicy":{"name":"x"}`, []string{"not proved", "pathRewritePolicy of the route is not understood"}},
		{"a cluster", "outbound|3000||web.default.svc.cluster.local", "PassthroughCluster", []string{"not proved", `the cluster "PassthroughCluster" is not istiod's`}},
		{"an expression that Envoy takes", `"regex":"/reviews/[0-9]+"`, `"regex":"/reviews/([0-9]+"`, []string{"not proved", "not a valid RE2 expression"}},
		{"a filter", `"envoy.filters.http.cors":{`, `"envoy.filters.http.ext_authz":{`, []string{"note: envoy.filters.http.ext_authz is not compared", "cors"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(dump.String(), c.old, c.new, 1)
			if c.old != c.new {
				require.True(t, dump.String() != text, "the dump has no such text")
			}
			file := filepath.Join(t.TempDir(), "dump.json")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			out, problems, code := ran(t, "compare", "-f", "testdata/compare/shop.yaml", "--config-dump", file)
			all := out + problems
			require.NotEqual(t, exitUsage, code, all)
			if len(c.want) == 0 {
				require.Equal(t, exitOK, code, all)
				require.Contains(t, out, "the cluster and the files answer every request in the same way: proved")
			}
			for _, want := range c.want {
				require.Contains(t, all, want)
			}
		})
	}
}

func TestCompareOfAWholeDump(t *testing.T) {
	out, problems, code := ran(t, "compare", "-f", "testdata/compare/shop.yaml", "--config-dump", "testdata/compare/config_dump.json")
	require.Equal(t, exitOK, code, out+problems)
	require.Contains(t, out, "in the same way: proved")
}
