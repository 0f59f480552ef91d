package envoy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/envoy"
)

func read(t testing.TB, text string) *envoy.Dump {
	t.Helper()
	d, err := envoy.Read("dump.json", strings.NewReader(text))
	require.NoError(t, err)
	return d
}

// config returns a dump with one route.
func config(route string) string {
	return `[{"name":"http.80","virtualHosts":[{"name":"shop.test:80","domains":["shop.test"],"routes":[` + route + `]}]}]`
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", ``, "dump.json: it is not JSON: it ends too early"},
		{"YAML", `a: b`, "dump.json: it is not JSON: at byte 1"},
		{"half", `[{"name": "http.80"`, "dump.json: it is not JSON: it ends too early"},
		{"something else", `{"a": 1}`, "it has no route configs"},
		{"a list of something else", `[1, "a", null]`, "it has no route configs"},
		{"a sidecar", `[{"name":"9080","virtualHosts":[]}]`, "none of its 1 route configs is of a gateway"},
		{"a port that is none", `[{"name":"http.80000","virtualHosts":[]}]`, "none of its 1"},
		{"a name with less", `[{"name":"https.443.https.shop","virtualHosts":[]}]`, "none of its 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := envoy.Read("dump.json", strings.NewReader(c.text))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestNames(t *testing.T) {
	d := read(t, `{"configs":[{"dynamicRouteConfigs":[
		{"routeConfig":{"name":"http.8080","virtualHosts":[]}},
		{"routeConfig":{"name":"http.8080","virtualHosts":[]}},
		{"routeConfig":{"name":"https.443.https.shop.prod","virtualHosts":[]}},
		{"routeConfig":{"name":"https.443.other.shop.prod","virtualHosts":[]}}]},
		{"static_route_configs":[{"route_config":{"name":"InboundPassthroughCluster","virtual_hosts":[]}}]}]}`)
	require.Equal(t, []string{"http.8080", "https.443.https.shop.prod", "https.443.other.shop.prod"}, d.RouteConfigs)
	require.Len(t, d.Notes, 2)
	gw, err := gateway.New().Load(d).Build()
	require.NoError(t, err)
	var names []string
	for _, l := range gw.Routes().Listeners {
		for _, c := range l.RouteConfigs {
			names = append(names, c.Name)
		}
	}
	require.ElementsMatch(t, d.RouteConfigs, names)
}

// TestRoutes has routes, and the routes that they are declared as.
func TestRoutes(t *testing.T) {
	const action = `"route":{"cluster":"outbound|80||a.test","timeout":"0s"}`
	to := []spec.Destination{{Host: "a.test", Port: 80}}
	present := spec.StringMatch{}
	match := func(m spec.Match) []spec.Match { return []spec.Match{m} }
	for _, c := range []struct {
		name, text string
		want       spec.Route
	}{
		{"prefix /", `{"match":{"prefix":"/"},` + action + `}`, spec.Route{Destinations: to}},
		{"prefix", `{"match":{"prefix":"/a"},` + action + `}`, spec.Route{Match: match(spec.Match{URI: spec.Prefix("/a")}), Destinations: to}},
		{"snake case", `{"match":{"safe_regex":{"google_re2":{},"regex":"/a+"}},` + action + `}`, spec.Route{Match: match(spec.Match{URI: spec.Regex("/a+")}), Destinations: to}},
		{"camel case", `{"match":{"safeRegex":{"regex":"/a+"}},` + action + `}`, spec.Route{Match: match(spec.Match{URI: spec.Regex("/a+")}), Destinations: to}},
		{"case", `{"match":{"path":"/a","case_sensitive":false},` + action + `}`, spec.Route{Match: match(spec.Match{URI: spec.Exact("/a"), IgnoreURICase: true}), Destinations: to}},
		{"wrapped case", `{"match":{"path":"/a","case_sensitive":{"value":false}},` + action + `}`, spec.Route{Match: match(spec.Match{URI: spec.Exact("/a"), IgnoreURICase: true}), Destinations: to}},
		{"pseudo-headers", `{"match":{"prefix":"/","headers":[{"name":":method","string_match":{"exact":"GET"}},{"name":":authority","string_match":{"prefix":"a"}},{"name":":scheme","string_match":{"exact":"https"}}]},` + action + `}`,
			spec.Route{Match: match(spec.Match{Method: spec.Exact("GET"), Authority: spec.Prefix("a"), Scheme: spec.Exact("https")}), Destinations: to}},
		{"absence", `{"match":{"prefix":"/","headers":[{"name":"x","present_match":true,"invert_match":true},{"name":"Y","present_match":false}]},` + action + `}`,
			spec.Route{Match: match(spec.Match{WithoutHeaders: map[string]spec.StringMatch{"x": present, "y": present}}), Destinations: to}},
		{"another value, or none", `{"match":{"prefix":"/","headers":[{"name":"x","string_match":{"exact":"1"},"invert_match":true,"treat_missing_header_as_empty":true}]},` + action + `}`,
			spec.Route{Match: match(spec.Match{WithoutHeaders: map[string]spec.StringMatch{"x": spec.Exact("1")}}), Destinations: to}},
		{"another value", `{"match":{"prefix":"/","headers":[{"name":"x","string_match":{"exact":"1"},"invert_match":true}]},` + action + `}`,
			spec.Route{Match: match(spec.Match{Headers: map[string]spec.StringMatch{"x": present}, WithoutHeaders: map[string]spec.StringMatch{"x": spec.Exact("1")}}), Destinations: to}},
		{"an end", `{"match":{"prefix":"/","headers":[{"name":"x","string_match":{"suffix":".com"}}]},` + action + `}`,
			spec.Route{Match: match(spec.Match{Headers: map[string]spec.StringMatch{"x": spec.Regex(`(?s).*\.com`)}}), Destinations: to}},
		{"any case", `{"match":{"prefix":"/","headers":[{"name":"x","string_match":{"prefix":"A.","ignore_case":true}}]},` + action + `}`,
			spec.Route{Match: match(spec.Match{Headers: map[string]spec.StringMatch{"x": spec.Regex(`(?i)(?s)A\..*`)}}), Destinations: to}},
		{"no retries", `{"match":{"prefix":"/"},"route":{"cluster":"outbound|80|v1|a.test"}}`, spec.Route{Destinations: []spec.Destination{{Host: "a.test", Port: 80, Subset: "v1"}}, Timeout: 15e9}},
		{"a fraction", `{"match":{"prefix":"/"},"route":{"cluster":"outbound|80||a.test","timeout":"1.5s","request_mirror_policies":[{"cluster":"outbound|80||b.test","runtime_fraction":{"default_value":{"numerator":5,"denominator":"TEN_THOUSAND"}}}]}}`,
			spec.Route{Destinations: to, Timeout: 15e8, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "b.test", Port: 80}, Percent: percent(0.05)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := read(t, config(c.text))
			declared, err := d.Declare()
			require.NoError(t, err)
			require.Len(t, declared.VirtualServices, 1)
			require.Len(t, declared.VirtualServices[0].Routes, 1)
			got := declared.VirtualServices[0].Routes[0]
			require.Empty(t, d.Unknown(got.Origin))
			got.Origin = spec.Origin{}
			if len(got.Destinations) > 0 {
				c.want.Retry = &spec.Retry{}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func percent(p float64) *float64 { return &p }

func TestSeparatedPrefix(t *testing.T) {
	d := read(t, config(`{"match":{"path_separated_prefix":"/a"},"route":{"cluster":"outbound|80||a.test","timeout":"0s","prefix_rewrite":"/b"}}`))
	declared, _ := d.Declare()
	routes := declared.VirtualServices[0].Routes
	require.Len(t, routes, 2)
	require.Equal(t, spec.Exact("/a"), routes[0].Match[0].URI)
	require.Equal(t, "/b", routes[0].Rewrite.URI)
	require.Equal(t, spec.Prefix("/a/"), routes[1].Match[0].URI)
	require.Equal(t, "/b/", routes[1].Rewrite.URI)
}

// TestUnknown has routes that are not understood, and why.
func TestUnknown(t *testing.T) {
	for text, want := range map[string]string{
		`{"match":{"prefix":"/"}}`: "it has no route, redirect or direct_response",
		`{"match":{"connect_matcher":{}},"route":{"cluster":"outbound|80||a.test"}}`:                                                  "the path of its match is not understood",
		`{"match":{"prefix":"/","grpc":{}},"route":{"cluster":"outbound|80||a.test"}}`:                                                "grpc of the match is not understood",
		`{"match":{"prefix":"/","runtime_fraction":{"default_value":{"numerator":50}}},"route":{"cluster":"outbound|80||a.test"}}`:    "a runtime_fraction of the match is not understood",
		`{"match":{"prefix":"/"},"route":{"cluster_header":"x"}}`:                                                                     "it names no cluster",
		`{"match":{"prefix":"/"},"route":{"cluster":"outbound|x||a.test"}}`:                                                           `the cluster "outbound|x||a.test" is not istiod's`,
		`{"match":{"prefix":"/"},"route":{"cluster":"outbound|80||a.test","timeout":"soon"}}`:                                         `timeout is soon, a duration such as "1.5s" is expected`,
		`{"match":{"prefix":"/"},"redirect":{"strip_query":true,"path_redirect":"/a"}}`:                                               "strip_query is not understood",
		`{"match":{"prefix":"/"},"redirect":{"response_code":"ODD","path_redirect":"/a"}}`:                                            `response_code is "ODD"`,
		`{"match":{"prefix":"/"},"direct_response":{"status":200,"body":{"filename":"/a"}}}`:                                          "filename of the body is not understood",
		`{"match":{"prefix":"/","headers":[{"name":"x","exact_match":"1"},{"name":"x","exact_match":"2"}]},"direct_response":{}}`:     "several conditions on the header x are not understood",
		`{"match":{"prefix":"/"},"direct_response":{"status":200},"response_headers_to_add":[{"append_action":"ADD_IF_ABSENT"}]}`:     "append_action ADD_IF_ABSENT is not understood",
		`{"match":{"prefix":"/"},"route":{"cluster":"outbound|80||a.test","retry_policy":{"retry_on":"5xx","retriable_headers":[]}}}`: "retriable_headers of the retry_policy is not understood",
		`{"match":{"prefix":"/"},"route":{"cluster":"outbound|80||a.test","internal_redirect_policy":{}}}`:                            "internal_redirect_policy of the route is not understood",
	} {
		d := read(t, config(text))
		declared, err := d.Declare()
		require.NoError(t, err)
		require.Contains(t, d.Unknown(declared.VirtualServices[0].Routes[0].Origin), want, text)
	}
}

// FuzzRead checks that no dump makes it panic.
func FuzzRead(f *testing.F) {
	text, err := os.ReadFile("../../cmd/lateen/testdata/compare/config_dump.json")
	require.NoError(f, err)
	f.Add(string(text))
	f.Add(config(`{"match":{"path_separated_prefix":"/a"},"redirect":{"prefix_rewrite":"/b"}}`))
	f.Add(`[{"name":"http.80","virtual_hosts":[{"domains":["*"]},{"domains":["a:*"],"require_tls":"ALL"}]}]`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := envoy.Read("dump.json", strings.NewReader(text))
		if err != nil {
			return
		}
		for range 3 {
			gw, err := gateway.New().Load(d).Build()
			if err == nil {
				_ = gw.Close()
				return
			}
			var errs []*spec.Error
			for e := range spec.Errors(err) {
				errs = append(errs, e)
			}
			if !d.GiveUp(errs) {
				return
			}
		}
	})
}
