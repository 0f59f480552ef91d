package validate

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestValidateAction(t *testing.T) {
	redirect, answer := &spec.Redirect{Authority: "b.test"}, &spec.DirectResponse{Status: 200}
	fault, rewrite := &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 500, Percent: 1}}, &spec.Rewrite{Authority: "b.test"}
	runRoutes(t, Options{}, []routeRow{
		{"none", spec.Route{}, []string{"error the route has no action: one of route, redirect, directResponse and delegate is expected"}},
		{"destinations", spec.Route{Destinations: toCart}, nil},
		{"a redirect", spec.Route{Redirect: redirect}, nil},
		{"an answer", spec.Route{DirectResponse: answer}, nil},
		{"two", spec.Route{Destinations: toCart, Redirect: redirect}, []string{"error the route has 2 actions, route and redirect: one is expected"}},
		{"three", spec.Route{Destinations: toCart, Redirect: redirect, DirectResponse: answer},
			[]string{"error the route has 3 actions, route and redirect and directResponse: one is expected"}},
		{"a delegate and destinations", spec.Route{Destinations: toCart, Delegate: &spec.Delegate{}}, []string{
			"error the route has 2 actions, route and delegate: one is expected",
			"error delegate.name: the name of the delegate is missing",
		}},
		{"a rewrite of a redirect", spec.Route{Redirect: redirect, Rewrite: rewrite},
			[]string{"error rewrite: needs a route with destinations, but this one has a redirect"}},
		{"a fault of an answer", spec.Route{DirectResponse: answer, Fault: fault},
			[]string{"error fault: needs a route with destinations, but this one has a directResponse"}},
		{"what an answer does not need", spec.Route{
			DirectResponse: answer, Timeout: time.Second, Retry: &spec.Retry{}, Mirrors: []spec.Mirror{{Destination: toCart[0]}},
			CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test")}}, Headers: setting("x-a", "1"),
		}, []string{
			"warning corsPolicy: has no effect: the route has a directResponse, and no destination",
			"warning timeout: has no effect: the route has a directResponse, and no destination",
			"warning retries: has no effect: the route has a directResponse, and no destination",
			"warning mirrors: has no effect: the route has a directResponse, and no destination",
			"warning headers.request: has no effect: the route has a directResponse, and no destination",
		}},
		{"the response headers of an answer", spec.Route{DirectResponse: answer, Headers: answering("x-a", "1")}, nil},
	})
}

func TestValidateSplit(t *testing.T) {
	row := func(name string, s []spec.Destination, want ...string) routeRow {
		return routeRow{name, spec.Route{Destinations: s}, want}
	}
	const top = math.MaxInt32
	beyond := int64(top) + 1
	runRoutes(t, Options{}, []routeRow{
		row("any sum", []spec.Destination{{Host: "a", Weight: 1}, {Host: "b", Weight: 3}}),
		row("one of weight 0", []spec.Destination{{Host: "a"}, {Host: "b", Weight: 100}}),
		row("one alone of weight 0", []spec.Destination{{Host: "a"}}),
		row("all of weight 0", []spec.Destination{{Host: "a"}, {Host: "b"}}, "error route: the weights of 2 destinations sum to 0: no request has a destination"),
		row("negative", []spec.Destination{{Host: "a", Weight: -1}, {Host: "b", Weight: 1}}, "error route[0].weight: -1 is not a weight, 0 to 2147483647 is expected"),
		row("the largest sum", []spec.Destination{{Host: "a", Weight: top}, {Host: "b", Weight: top}, {Host: "c", Weight: 1}}),
		row("more than the largest sum", []spec.Destination{{Host: "a", Weight: top}, {Host: "b", Weight: top}, {Host: "c", Weight: 2}},
			"error route: the weights sum to 4294967296, more than 4294967295"),
	})
	if strconv.IntSize > 32 {
		runRoutes(t, Options{}, []routeRow{
			row("too large", []spec.Destination{{Host: "a", Weight: int(beyond)}}, "error route[0].weight: 2147483648 is not a weight, 0 to 2147483647 is expected"),
		})
	}
}

func TestValidateDestination(t *testing.T) {
	row := func(name string, d spec.Destination, want ...string) routeRow {
		return routeRow{name, spec.Route{Destinations: []spec.Destination{d}}, want}
	}
	runRoutes(t, Options{}, []routeRow{
		row("a short name", spec.Destination{Host: "reviews"}),
		row("a full name with port and subset", spec.Destination{Host: "reviews.prod.svc.cluster.local", Port: 65535, Subset: "v1"}),
		row("none", spec.Destination{}, "error route[0].destination.host: the host of the destination is missing"),
		row("all", spec.Destination{Host: "*"}, `error route[0].destination.host: "*" is not a destination: one host is expected`),
		row("a port in the host", spec.Destination{Host: "reviews:9080"},
			`error route[0].destination.host: "reviews:9080" is not a host name: it is written without scheme, port and path; did you mean "reviews"?`),
		row("an address", spec.Destination{Host: "10.0.0.1"}, `error route[0].destination.host: "10.0.0.1" is not a host name: its last label is a number`),
		row("no port", spec.Destination{Host: "reviews", Port: 65536}, "error route[0].destination.port.number: 65536 is not a port, 1 to 65535 is expected"),
		row("no subset", spec.Destination{Host: "reviews", Subset: "v 1"},
			`error route[0].destination.subset: "v 1" is not the name of a subset: letters, digits and inner hyphens are expected`),
	})
}

func TestValidateMirrors(t *testing.T) {
	row := func(name string, percent float64, want ...string) routeRow {
		return forwarding(name, spec.Route{Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "m"}, Percent: &percent}}}, want...)
	}
	const percentage = "error mirrors[0].percentage.value: "
	runRoutes(t, Options{}, []routeRow{
		forwarding("all", spec.Route{Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "m"}}}}),
		row("0", 0), row("100", 100),
		row("100.5", 100.5, percentage+"100.5 is not a percentage, 0 to 100 is expected"),
		row("-1", -1, percentage+"-1 is not a percentage, 0 to 100 is expected"),
		row("no number", math.NaN(), percentage+"NaN is not a percentage, 0 to 100 is expected"),
		forwarding("no host", spec.Route{Mirrors: []spec.Mirror{{}}}, "error mirrors[0].destination.host: the host of the destination is missing"),
	})
}

func TestValidateDestinationsAgainstServices(t *testing.T) {
	d := shop(spec.Route{Destinations: []spec.Destination{
		{Host: "reviews", Subset: "v1", Weight: 1},
		{Host: "reviews.default.svc.cluster.local", Subset: "v3", Weight: 1},
		{Host: "a.legacy.test", Subset: "blu", Weight: 1},
		{Host: "ratings", Subset: "v9", Weight: 1},
	}}, spec.Route{Match: []spec.Match{{}}, Destinations: []spec.Destination{
		{Host: "two.test", Weight: 1},
		{Host: "two.test", Port: 9090, Weight: 1},
		{Host: "two.test", Port: 9091, Weight: 1},
		{Host: "one.test", Weight: 1},
	}})
	d.VirtualServices[0].Routes[0].Match = []spec.Match{{URI: spec.Prefix("/reviews")}}
	d.DestinationRules = []spec.DestinationRule{
		{Name: "a", Host: "reviews", Subsets: []spec.Subset{{Name: "v1"}}},
		{Name: "b", Host: "reviews.default.svc.cluster.local", Subsets: []spec.Subset{{Name: "v2"}}},
		{Name: "c", Host: "*.legacy.test", Subsets: []spec.Subset{{Name: "blue"}, {Name: "green"}}},
		{Name: "d", Namespace: "other", Host: "ratings", Subsets: []spec.Subset{{Name: "v1"}}},
	}
	d.Services = []spec.Service{
		{Name: "two", Hosts: []string{"two.test"}, Resolution: spec.ResolveDNS, Ports: []spec.ServicePort{{Number: 8080}, {Number: 9090}}},
		{Name: "one", Hosts: []string{"one.test"}, Resolution: spec.ResolveDNS, Ports: []spec.ServicePort{{Number: 8080}}},
	}
	const at = "warning VirtualService default/shop: http["
	require.Equal(t, []string{
		at + `0].route[1].destination.subset: no DestinationRule of reviews.default.svc.cluster.local has a subset "v3": requests get 503 [IST0101]`,
		at + `0].route[2].destination.subset: no DestinationRule of a.legacy.test has a subset "blu": requests get 503; did you mean "blue"? [IST0101]`,
		at + `1].route[0].destination: the service two.test has 2 ports and none is chosen: the port with the server's number is used [IST0112]`,
		at + `1].route[2].destination.port.number: the service two.test has no port 9091: requests get 503`,
	}, validated(d, Options{}))
}
