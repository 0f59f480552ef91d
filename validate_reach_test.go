package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateReachability(t *testing.T) {
	to := func(matches ...Match) Route { return Route{Match: matches, Split: toCart} }
	uri := func(m StringMatch) Match { return Match{URI: m} }
	fold := func(m StringMatch) Match { return Match{URI: m, IgnoreURICase: true} }
	on := func(m StringMatch, name, value string) Match {
		return Match{URI: m, Headers: map[string]StringMatch{name: Exact(value)}}
	}
	const never = "is never reached: all of its requests are taken before, by "
	tests := []struct {
		name   string
		routes []Route
		want   []string
	}{
		{"a route after one without matches", []Route{to(), to(uri(Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"two routes without matches", []Route{to(), to()}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a route without matches at the end", []Route{to(uri(Exact("/a"))), to()}, nil},
		{"after the prefix /", []Route{to(uri(Prefix("/"))), to(uri(Regex("/a.*")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"after the empty prefix", []Route{to(uri(Prefix(""))), to(uri(Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"after the regex .*", []Route{to(uri(Regex(".*"))), to(uri(Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"after / on one port", []Route{to(Match{Port: 80}), to(uri(Exact("/a")))}, nil},
		{"after / on one header", []Route{to(on(StringMatch{}, "x-a", "1")), to(uri(Exact("/a")))}, nil},
		{"the name of the route that takes it", []Route{{Name: "all", Split: toCart}, to(uri(Exact("/a")))}, []string{`http[1]: ` + never + `http[0] "all" [IST0130]`}},

		{"the same match", []Route{to(uri(Exact("/a"))), to(uri(Exact("/a")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"another kind of match", []Route{to(uri(Exact("/a"))), to(uri(Prefix("/a")))}, nil},
		{"the same regex", []Route{to(uri(Regex("/a+"))), to(uri(Regex("/a+")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a longer prefix", []Route{to(uri(Prefix("/a"))), to(uri(Prefix("/ab")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a shorter prefix", []Route{to(uri(Prefix("/ab"))), to(uri(Prefix("/a")))}, nil},
		{"a neighbour", []Route{to(uri(Prefix("/a/"))), to(uri(Exact("/a")))}, nil},
		{"a path below a prefix", []Route{to(uri(Prefix("/a"))), to(uri(Exact("/abc")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a very long prefix", []Route{to(uri(Prefix("/" + long100))), to(uri(Exact("/" + long100 + "b")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"a path beside a very long prefix", []Route{to(uri(Prefix("/" + long100))), to(uri(Exact("/" + long100[1:] + "b")))}, nil},

		{"without letter case first", []Route{to(fold(Prefix("/A"))), to(uri(Exact("/aB")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"without letter case second", []Route{to(uri(Prefix("/a"))), to(fold(Prefix("/a")))}, nil},
		{"without letter case both", []Route{to(fold(Prefix("/A"))), to(fold(Exact("/aB")))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"letter case", []Route{to(uri(Exact("/A"))), to(uri(Exact("/a")))}, nil},

		{"the same conditions", []Route{to(on(Prefix("/a"), "x-a", "1")), to(on(Prefix("/ab"), "X-A", "1"))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"other conditions", []Route{to(on(Prefix("/a"), "x-a", "1")), to(on(Prefix("/a"), "x-a", "2"))}, nil},
		{"more conditions", []Route{to(uri(Prefix("/a"))), to(on(Prefix("/a"), "x-a", "1"))}, []string{"http[1]: " + never + "http[0] [IST0130]"}},
		{"fewer conditions", []Route{to(on(Prefix("/a"), "x-a", "1")), to(uri(Prefix("/a")))}, nil},
		{"a header and a query parameter of one name", []Route{
			to(Match{Headers: map[string]StringMatch{"a": Exact("1")}}), to(Match{QueryParams: map[string]StringMatch{"a": Exact("1")}}),
		}, nil},
		{"texts that run into each other", []Route{
			to(Match{Headers: map[string]StringMatch{"a": Exact("b"), "c": {}}}), to(Match{Headers: map[string]StringMatch{"a": Exact("bhc"), "": {}}}),
		}, []string{"error http[1].match[0].headers[]: the name of a header is missing"}},

		{"one of several matches", []Route{to(uri(Prefix("/a"))), to(uri(Exact("/b")), uri(Exact("/a/1")), uri(Exact("/a/2")))}, []string{
			"http[1].match[1]: takes nothing that http[0] does not take before [IST0131]",
			"http[1].match[2]: takes nothing that http[0] does not take before [IST0131]",
		}},
		{"within one route", []Route{to(uri(Prefix("/a")), uri(Exact("/b")), uri(Prefix("/ab")))},
			[]string{"http[0].match[2]: takes nothing that match[0] does not take [IST0131]"}},
		{"all of several matches", []Route{to(uri(Exact("/a"))), to(uri(Exact("/b"))), to(uri(Exact("/b")), uri(Exact("/a")), uri(Exact("/b")))},
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
			found := validated(shop(tt.routes...), validation{})
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

// What a delegate's routes leave falls through to the routes after.
func TestDelegatingRoutesDoNotTakeEverything(t *testing.T) {
	d := shop(Route{Delegate: &Delegate{Name: "part"}}, Route{Split: toCart}, Route{Delegate: &Delegate{Name: "part"}})
	d.VirtualServices = append(d.VirtualServices, VirtualService{Name: "part", Routes: []Route{{Match: []Match{{URI: Exact("/a")}}, Split: toCart}}})
	require.Equal(t, []string{
		"warning VirtualService default/shop: http[2]: is never reached: all of its requests are taken before, by http[1] [IST0130]",
	}, validated(d, validation{}))
}

func TestRedirectLoopIsNotReportedWhereARouteBeforeMayTakeTheAnswer(t *testing.T) {
	loop := Route{Redirect: &Redirect{URI: "/new"}}
	for name, before := range map[string]Match{
		"path":             {URI: Exact("/new")},
		"prefix":           {URI: Prefix("/n")},
		"regex":            {URI: Regex("/n.w")},
		"letter case":      {URI: Exact("/NEW"), IgnoreURICase: true},
		"other conditions": {URI: Exact("/new"), Method: Exact("GET")},
	} {
		require.Empty(t, validated(shop(Route{Match: []Match{before}, Split: toCart}, loop), validation{}), name)
	}
	for name, before := range map[string]Match{"path": {URI: Exact("/neu")}, "prefix": {URI: Prefix("/new/")}, "regex": {URI: Regex("/n.w/")}} {
		require.Equal(t, []string{`warning VirtualService default/shop: http[1].redirect.uri: redirects to itself: the route takes "/new" again`},
			validated(shop(Route{Match: []Match{before}, Split: toCart}, loop), validation{}), name)
	}
}

// One VirtualService must not see what another took.
func TestReachabilityEndsWithTheVirtualService(t *testing.T) {
	d := shop(Route{Match: []Match{{URI: Prefix("/a"), Method: Exact("GET")}}, Split: toCart}, Route{Match: []Match{{URI: Prefix("/b"), IgnoreURICase: true}}, Split: toCart})
	other := d.VirtualServices[0]
	other.Name = "other"
	d.VirtualServices = append(d.VirtualServices, other)
	require.Empty(t, validated(d, validation{}))
}
