package question

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func TestNew(t *testing.T) {
	for _, row := range []struct {
		target  string
		headers []string
		want    string // the request, or the start of the error
	}{
		{"http://shop.test/cart", nil, "80 GET shop.test /cart"},
		{"http://shop.test", nil, "80 GET shop.test /"},
		{"http://shop.test?a=1", nil, "80 GET shop.test /?a=1"},
		{"https://Shop.test/cart", nil, "443 GET Shop.test /cart SNI shop.test"},
		{"http://shop.test:8080/", nil, "8080 GET shop.test:8080 / explicit"},
		{"http://shop.test/%7Ea//b/../c", nil, "80 GET shop.test /%7Ea//b/../c"},
		{"/cart", []string{"Host: shop.test"}, "0 GET shop.test /cart"},
		{"http://shop.test/", []string{"host: other.test"}, "80 GET other.test /"},
		{"ftp://shop.test/", nil, `URL "ftp://shop.test/": http://HOST/`},
		{"http:///cart", nil, `URL "http:///cart": http://HOST/`},
		{"http://ann@shop.test/", nil, `URL "http://ann@shop.test/" has a user`},
		{"http://shop.test/a b", nil, "no server would read this request"},
		{"http://%zz/", nil, "parse"},
	} {
		q, err := New("GET", row.target, row.headers)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), row.want), "%s: %v", row.target, err)
			continue
		}
		got := fmt.Sprint(q.port, " ", q.request.Method, " ", q.request.Host, " ", q.request.RequestURI)
		if q.explicit {
			got += " explicit"
		}
		if q.request.TLS != nil {
			got += " SNI " + q.request.TLS.ServerName
		}
		require.Equal(t, row.want, got, row.target)
	}
}

func TestAsk(t *testing.T) {
	gw, err := gateway.New().
		Server(spec.Server{Name: "plain", Port: 8080, Hosts: []string{"*"}}).
		Route(spec.Route{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart")}}, DirectResponse: &spec.DirectResponse{Status: 204}}).Build()
	require.NoError(t, err)
	defer gw.Close()
	for target, want := range map[string]gateway.DecisionKind{
		"http://shop.test/cart":      gateway.DecisionDirectResponse, // the listener that speaks http
		"http://shop.test:8080/cart": gateway.DecisionDirectResponse,
		"http://shop.test:8081/cart": gateway.DecisionNoServer,
		"https://shop.test/cart":     gateway.DecisionNoServer,
		"http://shop.test/other":     gateway.DecisionNotFound,
	} {
		q, err := New("GET", target, nil)
		require.NoError(t, err)
		d := q.Ask(gw)
		require.Equal(t, want, d.Kind, target)
		var text strings.Builder
		Print(&text, &d)
		require.Contains(t, text.String(), "  answer        ", target)
	}
}
