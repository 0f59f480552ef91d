package gateway

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

type ops = spec.HeaderOperations

// lines are headers: a map, but shorter to write.
type lines = map[string]string

func TestHeaderOperationsOfOneLevel(t *testing.T) {
	for _, row := range []struct {
		name string
		ops  spec.HeaderOperations
		came []string
		want http.Header
	}{
		{"nothing", ops{}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"set replaces all lines", ops{Set: lines{"x-a": "9"}}, []string{"1", "2"}, http.Header{"X-A": {"9"}}},
		{"set makes a line", ops{Set: lines{"x-a": "9"}}, nil, http.Header{"X-A": {"9"}}},
		{"add appends a line", ops{Add: lines{"x-a": "9"}}, []string{"1", "2"}, http.Header{"X-A": {"1", "2", "9"}}},
		{"add makes a line", ops{Add: lines{"x-a": "9"}}, nil, http.Header{"X-A": {"9"}}},
		{"remove takes all lines", ops{Remove: []string{"x-a"}}, []string{"1", "2"}, http.Header{}},
		{"remove of nothing", ops{Remove: []string{"x-a"}}, nil, http.Header{}},
		{"names in any letter case", ops{Set: lines{"X-a": "9"}, Remove: []string{"x-B"}}, []string{"1"}, http.Header{"X-A": {"9"}}},
		{"removes come first", ops{Remove: []string{"x-a"}, Add: lines{"x-a": "1"}}, []string{"0"}, http.Header{"X-A": {"1"}}},
		{"sets come before adds", ops{Set: lines{"x-a": "1"}, Add: lines{"x-a": "2"}}, []string{"0"}, http.Header{"X-A": {"1", "2"}}},
		{"values are computed after removes", ops{Set: lines{"x-b": "%REQ(X-A)%"}, Remove: []string{"x-a"}}, []string{"1"}, http.Header{}},
		{"values are computed before sets", ops{Set: lines{"x-a": "2", "x-b": "%REQ(X-A)%"}}, []string{"1"}, http.Header{"X-A": {"2"}, "X-B": {"1"}}},
		{"and before adds", ops{Add: lines{"x-a": "2", "x-b": "%REQ(X-A)%"}}, []string{"1"}, http.Header{"X-A": {"1", "2"}, "X-B": {"1"}}},
		{"an empty set does nothing", ops{Set: lines{"x-a": ""}}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"an empty add does nothing", ops{Add: lines{"x-a": ""}}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"a computed empty value too", ops{Set: lines{"x-a": "%REQ(X-NONE)%"}}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"a value that is empty in part", ops{Set: lines{"x-b": "id=%REQ(X-NONE)%"}}, nil, http.Header{"X-B": {"id="}}},
		{"several lines are one value", ops{Set: lines{"x-b": "%REQ(X-A)%"}}, []string{"1", "2"}, http.Header{"X-A": {"1", "2"}, "X-B": {"1,2"}}},
		{"a percent sign", ops{Set: lines{"x-b": "100%%"}}, nil, http.Header{"X-B": {"100%"}}},
		{"a value that is copied into itself", ops{Set: lines{"x-a": "<%REQ(X-A)%>"}}, []string{"1"}, http.Header{"X-A": {"<1>"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			mw, err := Headers(spec.Headers{Request: row.ops})
			require.NoError(t, err)
			spy := new(backendSpy)
			r := request(t, "GET", "/")
			if row.came != nil {
				r.Header["X-A"] = row.came
			}
			before := r.Header.Clone()
			serve(mw(spy), r)
			require.Equal(t, row.want, spy.got.Header)
			require.Equal(t, before, r.Header, "the request itself is not changed")
		})
	}
}

func TestHeaderOperationsOfTwoLevels(t *testing.T) {
	for _, row := range []struct {
		name          string
		route, dest   spec.HeaderOperations
		came          []string
		one, weighted []string
	}{
		{"set at both", ops{Set: lines{"x-a": "route"}}, ops{Set: lines{"x-a": "dest"}}, nil, []string{"dest"}, []string{"route"}},
		{"the destination sets, the route removes", ops{Remove: []string{"x-a"}}, ops{Set: lines{"x-a": "dest"}}, nil, []string{"dest"}, nil},
		{"the route sets, the destination removes", ops{Set: lines{"x-a": "route"}}, ops{Remove: []string{"x-a"}}, []string{"0"}, []string{"route"}, []string{"route"}},
		{"the destination adds, the route sets", ops{Set: lines{"x-a": "route"}}, ops{Add: lines{"x-a": "dest"}}, nil, []string{"route", "dest"}, []string{"route"}},
		{"the route adds, the destination sets", ops{Add: lines{"x-a": "route"}}, ops{Set: lines{"x-a": "dest"}}, nil, []string{"dest", "route"}, []string{"dest", "route"}},
		{"add at both", ops{Add: lines{"x-a": "route"}}, ops{Add: lines{"x-a": "dest"}}, []string{"0"}, []string{"0", "route", "dest"}, []string{"0", "dest", "route"}},
		{"the route reads what the destination sets", ops{Set: lines{"x-a": "<%REQ(X-B)%%RESP(X-B)%>"}}, ops{Set: lines{"x-b": "dest"}}, nil, []string{"<>"}, []string{"<dest>"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, weights := range [][]int{{1}, {1, 0}, {1, 0, 0}} {
				want := row.one
				if len(weights) > 1 {
					want = row.weighted // also where all others have weight 0
				}
				onRequest, onResponse := make([]spec.Destination, len(weights)), make([]spec.Destination, len(weights))
				for i, w := range weights {
					onRequest[i], onResponse[i] = spec.Destination{Host: "one", Weight: w}, spec.Destination{Host: "one", Weight: w}
				}
				onRequest[0].Headers.Request, onResponse[0].Headers.Response = row.dest, row.dest
				for _, s := range []Semantics{Native, Envoy} {
					gw, spy := routed(t, s, spec.Route{Destinations: onRequest, Headers: spec.Headers{Request: row.route}})
					r := request(t, "GET", "/")
					if row.came != nil {
						r.Header["X-A"] = row.came
					}
					serve(gw, r)
					require.Equal(t, want, spy.got.Header["X-A"], "request")

					gw, spy = routed(t, s, spec.Route{Destinations: onResponse, Headers: spec.Headers{Response: row.route}})
					if row.came != nil {
						spy.answer = http.Header{"X-A": row.came}
					}
					require.Equal(t, want, serve(gw, request(t, "GET", "/")).Header()["X-A"], "response")
				}
			}
		})
	}
}

func TestHeaderLinesAreNotShared(t *testing.T) {
	gw, spy := routed(t, Native, spec.Route{Headers: spec.Headers{
		Request:  ops{Add: lines{"x-a": "1"}, Set: lines{"x-b": "1"}},
		Response: ops{Add: lines{"x-a": "1"}, Set: lines{"x-b": "1"}},
	}})
	came := make([]string, 1, 8)
	came[0] = "0"
	answer := make([]string, 1, 8)
	answer[0] = "0"
	spy.answer = http.Header{"X-A": answer}
	spy.then = func(w http.ResponseWriter, r *http.Request) {
		for key := range r.Header {
			r.Header.Add(key, "scribble")
			r.Header[key][0] = "scribble"
		}
	}
	for range 3 {
		r := request(t, "GET", "/")
		r.Header["X-A"], r.Header["X-C"] = came, []string{"0"}
		w := serve(gw, r)
		require.Equal(t, []string{"0", "1"}, w.Header()["X-A"])
		require.Equal(t, []string{"1"}, w.Header()["X-B"])
		require.Equal(t, "", came[:2][1], "nothing is written behind the client's lines")
		require.Equal(t, "", answer[:2][1], "nor behind the backend's")
		require.Equal(t, http.Header{"X-A": {"0"}, "X-C": {"0"}}, r.Header)
	}
}

func TestFieldValue(t *testing.T) {
	for came, want := range map[string]string{
		"": "", "plain": "plain", "tab\tstays": "tab\tstays", "ü stays": "ü stays", "\x80 stays": "\x80 stays",
		"a\r\nX-Evil: 1": "a  X-Evil: 1", "a\nb": "a b", "a\x00b": "a b", "a\x7fb": "a b", "\x80\n": "\x80 ",
	} {
		require.Equal(t, want, fieldValue(came), "%q", came)
	}
}

func TestComputedValuesDoNotEndTheirLine(t *testing.T) {
	gw, spy := routed(t, Native, spec.Route{Headers: spec.Headers{
		Request:  ops{Set: lines{"x-a": "%REQ(X-IN)%", "x-q": "%QUERY_PARAM(q)%", "x-p": "%REQ(:PATH)%", "x-h": "%REQ(:AUTHORITY)%"}},
		Response: ops{Set: lines{"x-a": "%RESP(X-IN)%"}},
	}})
	spy.answer = http.Header{"X-In": {"a\r\nX-Evil: 1"}}
	r := request(t, "GET", "/a?q=1%0d%0aX-Evil:%201")
	r.Header["X-In"] = []string{"a\r\nX-Evil: 1"} // by a middleware in front: no client can
	r.URL.RawQuery += "\n"
	w := serve(gw, r)
	require.Equal(t, []string{"a  X-Evil: 1"}, spy.got.Header["X-A"])
	require.Equal(t, []string{"1  X-Evil: 1 "}, spy.got.Header["X-Q"])
	require.Equal(t, []string{"/a?q=1%0d%0aX-Evil:%201 "}, spy.got.Header["X-P"])
	require.Equal(t, []string{"a  X-Evil: 1"}, w.Header()["X-A"])
}
