package program_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestHeaderOperationsOfOneLevel(t *testing.T) {
	for _, row := range []struct {
		name string
		ops  spec.HeaderOperations
		came []string
		want http.Header
	}{
		{"nothing", testhttp.Ops{}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"set replaces all lines", testhttp.Ops{Set: testhttp.Lines{"x-a": "9"}}, []string{"1", "2"}, http.Header{"X-A": {"9"}}},
		{"set makes a line", testhttp.Ops{Set: testhttp.Lines{"x-a": "9"}}, nil, http.Header{"X-A": {"9"}}},
		{"add appends a line", testhttp.Ops{Add: testhttp.Lines{"x-a": "9"}}, []string{"1", "2"}, http.Header{"X-A": {"1", "2", "9"}}},
		{"add makes a line", testhttp.Ops{Add: testhttp.Lines{"x-a": "9"}}, nil, http.Header{"X-A": {"9"}}},
		{"remove takes all lines", testhttp.Ops{Remove: []string{"x-a"}}, []string{"1", "2"}, http.Header{}},
		{"remove of nothing", testhttp.Ops{Remove: []string{"x-a"}}, nil, http.Header{}},
		{"names in any letter case", testhttp.Ops{Set: testhttp.Lines{"X-a": "9"}, Remove: []string{"x-B"}}, []string{"1"}, http.Header{"X-A": {"9"}}},
		{"removes come first", testhttp.Ops{Remove: []string{"x-a"}, Add: testhttp.Lines{"x-a": "1"}}, []string{"0"}, http.Header{"X-A": {"1"}}},
		{"sets come before adds", testhttp.Ops{Set: testhttp.Lines{"x-a": "1"}, Add: testhttp.Lines{"x-a": "2"}}, []string{"0"}, http.Header{"X-A": {"1", "2"}}},
		{"values are computed after removes", testhttp.Ops{Set: testhttp.Lines{"x-b": "%REQ(X-A)%"}, Remove: []string{"x-a"}}, []string{"1"}, http.Header{}},
		{"values are computed before sets", testhttp.Ops{Set: testhttp.Lines{"x-a": "2", "x-b": "%REQ(X-A)%"}}, []string{"1"}, http.Header{"X-A": {"2"}, "X-B": {"1"}}},
		{"and before adds", testhttp.Ops{Add: testhttp.Lines{"x-a": "2", "x-b": "%REQ(X-A)%"}}, []string{"1"}, http.Header{"X-A": {"1", "2"}, "X-B": {"1"}}},
		{"an empty set does nothing", testhttp.Ops{Set: testhttp.Lines{"x-a": ""}}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"an empty add does nothing", testhttp.Ops{Add: testhttp.Lines{"x-a": ""}}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"a computed empty value too", testhttp.Ops{Set: testhttp.Lines{"x-a": "%REQ(X-NONE)%"}}, []string{"1"}, http.Header{"X-A": {"1"}}},
		{"a value that is empty in part", testhttp.Ops{Set: testhttp.Lines{"x-b": "id=%REQ(X-NONE)%"}}, nil, http.Header{"X-B": {"id="}}},
		{"several lines are one value", testhttp.Ops{Set: testhttp.Lines{"x-b": "%REQ(X-A)%"}}, []string{"1", "2"}, http.Header{"X-A": {"1", "2"}, "X-B": {"1,2"}}},
		{"a percent sign", testhttp.Ops{Set: testhttp.Lines{"x-b": "100%%"}}, nil, http.Header{"X-B": {"100%"}}},
		{"a value that is copied into itself", testhttp.Ops{Set: testhttp.Lines{"x-a": "<%REQ(X-A)%>"}}, []string{"1"}, http.Header{"X-A": {"<1>"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			mw, err := gateway.Headers(spec.Headers{Request: row.ops})
			require.NoError(t, err)
			spy := new(testhttp.Spy)
			r := testhttp.Request(t, "GET", "/")
			if row.came != nil {
				r.Header["X-A"] = row.came
			}
			before := r.Header.Clone()
			testgateway.Serve(mw(spy), r)
			require.Equal(t, row.want, spy.Got.Header)
			require.Equal(t, before, r.Header, "the request itself is not changed")
		})
	}
}

func TestHeaderOperationsOfTwoLevels(t *testing.T) {
	for _, row := range []struct {
		name          string
		route, dest   spec.HeaderOperations
		came          []string
		One, weighted []string
	}{
		{"set at both", testhttp.Ops{Set: testhttp.Lines{"x-a": "route"}}, testhttp.Ops{Set: testhttp.Lines{"x-a": "dest"}}, nil, []string{"dest"}, []string{"route"}},
		{"the destination sets, the route removes", testhttp.Ops{Remove: []string{"x-a"}}, testhttp.Ops{Set: testhttp.Lines{"x-a": "dest"}}, nil, []string{"dest"}, nil},
		{"the route sets, the destination removes", testhttp.Ops{Set: testhttp.Lines{"x-a": "route"}}, testhttp.Ops{Remove: []string{"x-a"}}, []string{"0"}, []string{"route"}, []string{"route"}},
		{"the destination adds, the route sets", testhttp.Ops{Set: testhttp.Lines{"x-a": "route"}}, testhttp.Ops{Add: testhttp.Lines{"x-a": "dest"}}, nil, []string{"route", "dest"}, []string{"route"}},
		{"the route adds, the destination sets", testhttp.Ops{Add: testhttp.Lines{"x-a": "route"}}, testhttp.Ops{Set: testhttp.Lines{"x-a": "dest"}}, nil, []string{"dest", "route"}, []string{"dest", "route"}},
		{"add at both", testhttp.Ops{Add: testhttp.Lines{"x-a": "route"}}, testhttp.Ops{Add: testhttp.Lines{"x-a": "dest"}}, []string{"0"}, []string{"0", "route", "dest"}, []string{"0", "dest", "route"}},
		{"the route reads what the destination sets", testhttp.Ops{Set: testhttp.Lines{"x-a": "<%REQ(X-B)%%RESP(X-B)%>"}}, testhttp.Ops{Set: testhttp.Lines{"x-b": "dest"}}, nil, []string{"<>"}, []string{"<dest>"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, weights := range [][]int{{1}, {1, 0}, {1, 0, 0}} {
				want := row.One
				if len(weights) > 1 {
					want = row.weighted // also if all others have weight 0
				}
				onRequest, onResponse := make([]spec.Destination, len(weights)), make([]spec.Destination, len(weights))
				for i, w := range weights {
					onRequest[i], onResponse[i] = spec.Destination{Host: "one", Weight: w}, spec.Destination{Host: "one", Weight: w}
				}
				onRequest[0].Headers.Request, onResponse[0].Headers.Response = row.dest, row.dest
				for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
					gw, spy := testgateway.Routed(t, s, spec.Route{Destinations: onRequest, Headers: spec.Headers{Request: row.route}})
					r := testhttp.Request(t, "GET", "/")
					if row.came != nil {
						r.Header["X-A"] = row.came
					}
					testgateway.Serve(gw, r)
					require.Equal(t, want, spy.Got.Header["X-A"], "request")

					gw, spy = testgateway.Routed(t, s, spec.Route{Destinations: onResponse, Headers: spec.Headers{Response: row.route}})
					if row.came != nil {
						spy.Answer = http.Header{"X-A": row.came}
					}
					require.Equal(t, want, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Header()["X-A"], "response")
				}
			}
		})
	}
}

func TestHeaderLinesAreNotShared(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: spec.Headers{
		Request:  testhttp.Ops{Add: testhttp.Lines{"x-a": "1"}, Set: testhttp.Lines{"x-b": "1"}},
		Response: testhttp.Ops{Add: testhttp.Lines{"x-a": "1"}, Set: testhttp.Lines{"x-b": "1"}},
	}})
	came := make([]string, 1, 8)
	came[0] = "0"
	answer := make([]string, 1, 8)
	answer[0] = "0"
	spy.Answer = http.Header{"X-A": answer}
	spy.Then = func(w http.ResponseWriter, r *http.Request) {
		for key := range r.Header {
			r.Header.Add(key, "scribble")
			r.Header[key][0] = "scribble"
		}
	}
	for range 3 {
		r := testhttp.Request(t, "GET", "/")
		r.Header["X-A"], r.Header["X-C"] = came, []string{"0"}
		w := testgateway.Serve(gw, r)
		require.Equal(t, []string{"0", "1"}, w.Header()["X-A"])
		require.Equal(t, []string{"1"}, w.Header()["X-B"])
		require.Equal(t, "", came[:2][1], "nothing is written behind the client's lines")
		require.Equal(t, "", answer[:2][1], "nor behind the backend's")
		require.Equal(t, http.Header{"X-A": {"0"}, "X-C": {"0"}}, r.Header)
	}
}

func TestComputedValuesDoNotEndTheirLine(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: spec.Headers{
		Request:  testhttp.Ops{Set: testhttp.Lines{"x-a": "%REQ(X-IN)%", "x-q": "%QUERY_PARAM(q)%", "x-p": "%REQ(:PATH)%", "x-h": "%REQ(:AUTHORITY)%"}},
		Response: testhttp.Ops{Set: testhttp.Lines{"x-a": "%RESP(X-IN)%"}},
	}})
	spy.Answer = http.Header{"X-In": {"a\r\nX-Evil: 1"}}
	r := testhttp.Request(t, "GET", "/a?q=1%0d%0aX-Evil:%201")
	r.Header["X-In"] = []string{"a\r\nX-Evil: 1"} // set by an outer middleware: clients cannot send this
	r.URL.RawQuery += "\n"
	w := testgateway.Serve(gw, r)
	require.Equal(t, []string{"a  X-Evil: 1"}, spy.Got.Header["X-A"])
	require.Equal(t, []string{"1  X-Evil: 1 "}, spy.Got.Header["X-Q"])
	require.Equal(t, []string{"/a?q=1%0d%0aX-Evil:%201 "}, spy.Got.Header["X-P"])
	require.Equal(t, []string{"a  X-Evil: 1"}, w.Header()["X-A"])
}
