package metrics

import (
	"io"

	"github.com/lateengo/gateway/observe"
)

// GatewayLoadFigures are the figures of a gateway with a bound for requests in flight, in
// the order in which WriteLoads writes them. They have no labels.
var GatewayLoadFigures = []Figure[observe.Load]{
	{"lateen_gateway_requests_active", "Requests in flight to destinations, with upgraded connections.", false, always(func(l *observe.Load) int64 { return l.Active })},
	{"lateen_gateway_requests_max", "The bound for requests in flight.", false, always(func(l *observe.Load) int64 { return l.Most })},
	{"lateen_gateway_requests_shed_total", "Requests that were refused, because there were too many in flight.", true, always(func(l *observe.Load) uint64 { return l.Shed })},
}

// RouteLoadFigures are the figures of a route with a bound of its own, in the order in which
// WriteLoads writes them after those of the gateway. Their labels are RouteLoadLabels.
var RouteLoadFigures = []Figure[observe.RouteLoad]{
	{"lateen_route_requests_active", "Requests in flight of a route with a bound, with upgraded connections.", false, always(func(l *observe.RouteLoad) int64 { return l.Active })},
	{"lateen_route_requests_max", "The bound of a route for requests in flight.", false, always(func(l *observe.RouteLoad) int64 { return l.Most })},
	{"lateen_route_requests_shed_total", "Requests that were refused, because the route had too many in flight.", true, always(func(l *observe.RouteLoad) uint64 { return l.Shed })},
}

// RouteLoadLabels are the labels of RouteLoadFigures.
var RouteLoadLabels = []string{"listener", "route", "virtual_service"}

// RouteLoadValues returns the values of RouteLoadLabels.
func RouteLoadValues(l *observe.RouteLoad) []string {
	return []string{l.Listener, l.Route, l.VirtualService}
}

// WriteLoads writes the figures of requests in flight in the text format of Prometheus.
// gateway.Gateway.Loads returns those of a gateway.
func WriteLoads(w io.Writer, loads observe.Loads) error {
	if loads.Gateway.Most > 0 {
		if err := writeFigures(w, GatewayLoadFigures, []observe.Load{loads.Gateway}, nil, func(*observe.Load) []string { return nil }); err != nil {
			return err
		}
	}
	if len(loads.Routes) == 0 {
		return nil
	}
	return writeFigures(w, RouteLoadFigures, loads.Routes, RouteLoadLabels, RouteLoadValues)
}
