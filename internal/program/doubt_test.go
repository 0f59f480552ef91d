package program_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// TestDoubtfulRequests compares the two semantics where two readers could read a request
// differently.
func TestDoubtfulRequests(t *testing.T) {
	asks := func(host string, m spec.Match) spec.VirtualService {
		return spec.VirtualService{Name: host, Hosts: []string{host}, Routes: []spec.Route{
			{Name: "asks", Match: []spec.Match{m}, Destinations: []spec.Destination{{Host: "app"}}},
			{Name: "other", Destinations: []spec.Destination{{Host: "app"}}},
		}}
	}
	header := func(name string) spec.Match {
		return spec.Match{Headers: map[string]spec.StringMatch{name: {}}}
	}
	build := func(s gateway.Semantics) (*gateway.Gateway, *testhttp.Spy) {
		spy := new(testhttp.Spy)
		return testgateway.Built(t, gateway.New().Semantics(s).Backend("*", spy).
			VirtualService(asks("query.test", spec.Match{QueryParams: map[string]spec.StringMatch{"q": spec.Exact("a b")}})).
			VirtualService(asks("header.test", header("x-user"))).
			VirtualService(asks("upgrade.test", header("upgrade"))).
			VirtualService(asks("without.test", spec.Match{WithoutHeaders: map[string]spec.StringMatch{"x-user": {}}})).
			VirtualService(asks("nobody.test", spec.Match{URI: spec.Prefix("/x")}))), spy
	}
	for _, row := range []struct {
		host, target, connection string
		native, envoy            string // the route, or 400
	}{
		{"nobody.test", "/x", "", "asks", "asks"},
		{"nobody.test.", "/x", "", "asks", ""},
		{"nobody.test.:80", "/x", "", "asks", ""},
		{"nobody.test..", "/x", "", "400", ""},
		{"nobody.test:80", "/x", "", "asks", "asks"},
		{"nobody.test:b", "/x", "", "400", "asks"},
		{"nobody.test", "/?q=1&q=2;%zz", "", "other", "other"},
		{"nobody.test", "/", "x-user", "other", "other"},

		{"query.test", "/?q=a%20b", "", "asks", "other"},
		{"query.test", "/?q=a+b", "", "asks", "other"},
		{"query.test", "/?%71=a+b", "", "asks", "other"},
		{"query.test", "/?q=a", "", "other", "other"},
		{"query.test", "/?x=1&x=2", "", "other", "other"},
		{"query.test", "/?q=a&q=a", "", "400", "other"},
		{"query.test", "/?q=a&%71=a", "", "400", "other"},
		{"query.test", "/?q=a;q=b", "", "400", "other"},
		{"query.test", "/?q=%zz", "", "400", "other"},
		{"query.test", "/?x=%", "", "400", "other"},
		{"query.test.", "/?q=1&q=2", "", "400", ""},

		{"header.test", "/", "", "asks", "asks"},
		{"header.test", "/", "keep-alive", "asks", "asks"},
		{"header.test", "/", "close, X-Other", "asks", "asks"},
		{"header.test", "/", "X-User", "400", "other"},
		{"header.test", "/", "close, x-USER", "400", "other"},
		{"without.test", "/", "x-user", "400", "asks"},
		{"without.test", "/", "", "other", "other"},
	} {
		for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
			want := row.native
			if s == gateway.Envoy {
				want = row.envoy
			}
			gw, spy := build(s)
			r := httptest.NewRequest("GET", row.target, nil)
			r.Host = row.host
			r.Header.Set("X-User", "7")
			if row.connection != "" {
				r.Header.Set("Connection", row.connection)
			}
			d := gw.Decide(r)
			got := ""
			switch {
			case d.Status == 400:
				got = "400"
			case d.Route != nil:
				got = d.Route.Name
			}
			require.Equal(t, want, got, "%v %+v", s, row)
			w := httptest.NewRecorder()
			gw.ServeHTTP(w, r)
			switch want {
			case "400", "":
				require.Equal(t, map[string]int{"400": 400, "": 404}[want], w.Code, "%v %+v", s, row)
				require.Nil(t, spy.Got)
			default:
				require.Equal(t, 200, w.Code, "%v %+v", s, row)
				if s == gateway.Native {
					require.NotContains(t, spy.Got.Host, "test.", "what was matched is what is sent")
				}
			}
		}
	}
}
