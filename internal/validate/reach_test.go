package validate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestValidateReachability(t *testing.T) {
	to := func(matches ...spec.Match) spec.Route { return spec.Route{Match: matches, Destinations: toCart} }
	uri := func(m spec.StringMatch) spec.Match { return spec.Match{URI: m} }
	fold := func(m spec.StringMatch) spec.Match { return spec.Match{URI: m, IgnoreURICase: true} }
	on := func(m spec.StringMatch, name, value string) spec.Match {
		return spec.Match{URI: m, Headers: map[string]spec.StringMatch{name: spec.Exact(value)}}
	}
	const never = "is never reached: earlier routes match all of its requests: "
	tests := []struct {
		name   string
		routes []spec.Route
		want   []string
	}{
		{"a route after one without matches", []spec.Route{to(), to(uri(spec.Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"two routes without matches", []spec.Route{to(), to()}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a route without matches at the end", []spec.Route{to(uri(spec.Exact("/a"))), to()}, nil},
		{"after the prefix /", []spec.Route{to(uri(spec.Prefix("/"))), to(uri(spec.Regex("/a.*")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"after the empty prefix", []spec.Route{to(uri(spec.Prefix(""))), to(uri(spec.Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"after the regex .*", []spec.Route{to(uri(spec.Regex(".*"))), to(uri(spec.Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"after / on one port", []spec.Route{to(spec.Match{Port: 80}), to(uri(spec.Exact("/a")))}, nil},
		{"after / on one header", []spec.Route{to(on(spec.StringMatch{}, "x-a", "1")), to(uri(spec.Exact("/a")))}, nil},
		{"the name of the route that takes it", []spec.Route{{Name: "all", Destinations: toCart}, to(uri(spec.Exact("/a")))}, []string{`http[1]: ` + never + `http[0] "all" [IST0130]`}},

		{"the same match", []spec.Route{to(uri(spec.Exact("/a"))), to(uri(spec.Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"another kind of match", []spec.Route{to(uri(spec.Exact("/a"))), to(uri(spec.Prefix("/a")))}, nil},
		{"the same regex", []spec.Route{to(uri(spec.Regex("/a+"))), to(uri(spec.Regex("/a+")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a longer prefix", []spec.Route{to(uri(spec.Prefix("/a"))), to(uri(spec.Prefix("/ab")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a shorter prefix", []spec.Route{to(uri(spec.Prefix("/ab"))), to(uri(spec.Prefix("/a")))}, nil},
		{"a neighbour", []spec.Route{to(uri(spec.Prefix("/a/"))), to(uri(spec.Exact("/a")))}, nil},
		{"a path below a prefix", []spec.Route{to(uri(spec.Prefix("/a"))), to(uri(spec.Exact("/abc")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a very long prefix", []spec.Route{to(uri(spec.Prefix("/" + long100))), to(uri(spec.Exact("/" + long100 + "b")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a path beside a very long prefix", []spec.Route{to(uri(spec.Prefix("/" + long100))), to(uri(spec.Exact("/" + long100[1:] + "b")))}, nil},

		{"without letter case first", []spec.Route{to(fold(spec.Prefix("/A"))), to(uri(spec.Exact("/aB")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"without letter case second", []spec.Route{to(uri(spec.Prefix("/a"))), to(fold(spec.Prefix("/a")))}, nil},
		{"without letter case both", []spec.Route{to(fold(spec.Prefix("/A"))), to(fold(spec.Exact("/aB")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"letter case", []spec.Route{to(uri(spec.Exact("/A"))), to(uri(spec.Exact("/a")))}, nil},

		{"the same conditions", []spec.Route{to(on(spec.Prefix("/a"), "x-a", "1")), to(on(spec.Prefix("/ab"), "X-A", "1"))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"other conditions", []spec.Route{to(on(spec.Prefix("/a"), "x-a", "1")), to(on(spec.Prefix("/a"), "x-a", "2"))}, nil},
		{"more conditions", []spec.Route{to(uri(spec.Prefix("/a"))), to(on(spec.Prefix("/a"), "x-a", "1"))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"fewer conditions", []spec.Route{to(on(spec.Prefix("/a"), "x-a", "1")), to(uri(spec.Prefix("/a")))}, nil},
		{"a header and a query parameter of one name", []spec.Route{
			to(spec.Match{Headers: map[string]spec.StringMatch{"a": spec.Exact("1")}}), to(spec.Match{QueryParams: map[string]spec.StringMatch{"a": spec.Exact("1")}}),
		}, nil},
		{"texts that run into each other", []spec.Route{
			to(spec.Match{Headers: map[string]spec.StringMatch{"a": spec.Exact("b"), "c": {}}}), to(spec.Match{Headers: map[string]spec.StringMatch{"a": spec.Exact("bhc"), "": {}}}),
		}, []string{"error http[1].match[0].headers[]: the name of a header is missing"}},

		{"one of several matches", []spec.Route{to(uri(spec.Prefix("/a"))), to(uri(spec.Exact("/b")), uri(spec.Exact("/a/1")), uri(spec.Exact("/a/2")))}, []string{
			"http[1].match[1]: has no effect: http[0] already matches all of its requests [IST0131]",
			"http[1].match[2]: has no effect: http[0] already matches all of its requests [IST0131]",
		}},
		{"within one route", []spec.Route{to(uri(spec.Prefix("/a")), uri(spec.Exact("/b")), uri(spec.Prefix("/ab")))},
			[]string{"http[0].match[2]: has no effect: match[0] matches all of its requests [IST0131]"}},
		{"all of several matches", []spec.Route{to(uri(spec.Exact("/a"))), to(uri(spec.Exact("/b"))), to(uri(spec.Exact("/b")), uri(spec.Exact("/a")), uri(spec.Exact("/b")))},
			[]string{"http[2]: " + never + "http[1] and http[0] [IST0130]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []string
			for _, w := range tt.want {
				kind := "warning "
				if rest, ok := cutErrorMark(w); ok {
					kind, w = "error ", rest
				}
				want = append(want, kind+"VirtualService default/shop: "+w)
			}
			found := validated(shop(tt.routes...), Options{})
			if len(want) == 0 {
				require.Empty(t, found)
				return
			}
			require.Equal(t, want, found)
		})
	}
}

const long100 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func cutErrorMark(s string) (string, bool) {
	const mark = "error "
	if len(s) > len(mark) && s[:len(mark)] == mark {
		return s[len(mark):], true
	}
	return s, false
}

// Requests that a delegate's routes do not match continue with the following
// routes.
func TestDelegatingRoutesDoNotTakeEverything(t *testing.T) {
	d := shop(spec.Route{Delegate: &spec.Delegate{Name: "part"}}, spec.Route{Destinations: toCart}, spec.Route{Delegate: &spec.Delegate{Name: "part"}})
	d.VirtualServices = append(d.VirtualServices, spec.VirtualService{Name: "part", Routes: []spec.Route{{Match: []spec.Match{{URI: spec.Exact("/a")}}, Destinations: toCart}}})
	require.Equal(t, []string{
		"warning VirtualService default/shop: http[2]: is never reached: earlier routes match all of its requests: http[1] [IST0130]",
	}, validated(d, Options{}))
}

func TestRedirectLoopIsNotReportedWhereARouteBeforeMayTakeTheAnswer(t *testing.T) {
	loop := spec.Route{Redirect: &spec.Redirect{URI: "/new"}}
	for name, before := range map[string]spec.Match{
		"path":             {URI: spec.Exact("/new")},
		"prefix":           {URI: spec.Prefix("/n")},
		"regex":            {URI: spec.Regex("/n.w")},
		"letter case":      {URI: spec.Exact("/NEW"), IgnoreURICase: true},
		"other conditions": {URI: spec.Exact("/new"), Method: spec.Exact("GET")},
	} {
		require.Empty(t, validated(shop(spec.Route{Match: []spec.Match{before}, Destinations: toCart}, loop), Options{}), name)
	}
	for name, before := range map[string]spec.Match{"path": {URI: spec.Exact("/neu")}, "prefix": {URI: spec.Prefix("/new/")}, "regex": {URI: spec.Regex("/n.w/")}} {
		require.Equal(t, []string{`warning VirtualService default/shop: http[1].redirect.uri: redirects to itself: the route matches "/new" again`},
			validated(shop(spec.Route{Match: []spec.Match{before}, Destinations: toCart}, loop), Options{}), name)
	}
}

// VirtualServices must not affect each other.
func TestReachabilityEndsWithTheVirtualService(t *testing.T) {
	d := shop(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/a"), Method: spec.Exact("GET")}}, Destinations: toCart}, spec.Route{Match: []spec.Match{{URI: spec.Prefix("/b"), IgnoreURICase: true}}, Destinations: toCart})
	other := d.VirtualServices[0]
	other.Name = "other"
	d.VirtualServices = append(d.VirtualServices, other)
	require.Empty(t, validated(d, Options{}))
}
