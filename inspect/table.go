// Package inspect describes what a gateway does, as plain data and as text for people.
// The main type is Table, every route that a gateway has: gateway.Gateway.Routes returns
// it.
//
// The values share nothing with requests in progress, and may be kept. They are safe for
// concurrent use while nothing changes them.
package inspect

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A Table is all routes of a gateway, by listener, route config and virtual host, in
// the order in which requests try them.
type Table struct {
	Listeners []Listener `json:"listeners"`
}

// A Listener is a port, with one route config for plain text, or with one for each TLS
// server.
type Listener struct {
	// Name is Envoy's name, such as "0.0.0.0_80".
	Name string `json:"name"`
	Port int    `json:"port"`
	// Bind is the declared address, or "" for all addresses.
	Bind         string        `json:"bind,omitempty"`
	TLS          bool          `json:"tls,omitempty"`
	RouteConfigs []RouteConfig `json:"routeConfigs"`
}

// A RouteConfig is the virtual hosts that a connection may reach.
type RouteConfig struct {
	// Name is Envoy's name, such as "http.80".
	Name string `json:"name"`
	// ServerNames are those of a TLS server.
	ServerNames []string `json:"serverNames,omitempty"`
	// Gateways are the Gateways with its servers, "namespace/name".
	Gateways     []string      `json:"gateways,omitempty"`
	VirtualHosts []VirtualHost `json:"virtualHosts"`
}

// A VirtualHost is the routes of one domain, in order.
type VirtualHost struct {
	// Domain is an exact name, "*.example.com" or "*".
	Domain string `json:"domain"`
	// RedirectsToHTTPS means that plain text gets a redirect, whatever the routes are.
	RedirectsToHTTPS bool    `json:"redirectsToHTTPS,omitempty"`
	Routes           []Route `json:"routes"`
}

// A Route is one match of a declared route, with what the route does. A declared route
// with several matches has several of them, and so has one in several virtual hosts.
type Route struct {
	// Index is the position in the virtual host. It is DecidedRoute.Index.
	Index int `json:"index"`
	// Name has the names of the route and the match.
	Name string `json:"name,omitempty"`
	// VirtualService is "namespace/name", for a delegate's routes that of the root.
	// Delegate is then that of the delegate.
	VirtualService string `json:"virtualService"`
	Delegate       string `json:"delegate,omitempty"`
	// Origin is where the route was declared: in the delegate, if there is one.
	Origin spec.Origin `json:"-"`
	Place  Place       `json:"place,omitzero"`
	// Conditions must all be true. The first one is about the path.
	Conditions []Condition `json:"conditions"`

	// Fault, CORS and Limits come first.
	Fault  *Fault  `json:"fault,omitempty"`
	CORS   *CORS   `json:"cors,omitempty"`
	Limits []Limit `json:"limits,omitempty"`
	// Redirect and DirectResponse are nil for a route with destinations.
	Redirect       *Redirect       `json:"redirect,omitempty"`
	DirectResponse *DirectResponse `json:"directResponse,omitempty"`
	// ResponseHeaders are the operations on a redirect or a direct response. For
	// destinations see Destination.ResponseHeaders.
	ResponseHeaders []HeaderOperation `json:"responseHeaders,omitempty"`
	// MaxRequestBody is the length of the longest body, in bytes, and MaxRequests the most
	// requests in flight; 0 is no limit.
	MaxRequestBody int64 `json:"maxRequestBody,omitempty"`
	MaxRequests    int64 `json:"maxRequests,omitempty"`
	// Timeout is zero if there is none, and Retry is nil if none was declared.
	Timeout time.Duration `json:"timeout,omitempty"`
	Retry   *Retry        `json:"retry,omitempty"`
	Rewrite *Rewrite      `json:"rewrite,omitempty"`
	Mirrors []Mirror      `json:"mirrors,omitempty"`
	// Destinations are those that get requests.
	Destinations []Destination `json:"destinations,omitempty"`
}

// A Limit is a rate limit of a route.
type Limit struct {
	// Text is the limit as text, such as "100 per 1s".
	Text string `json:"text"`
	// Place is where it was declared: in the route or in a policy.
	Place Place `json:"place,omitzero"`
}

// A Destination gets a share of the requests of a route.
type Destination struct {
	// Cluster is Istio's name of the destination: outbound|port|subset|host.
	Cluster string `json:"cluster"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Subset  string `json:"subset,omitempty"`
	// Weight divided by Total is the share of requests.
	Weight int `json:"weight"`
	Total  int `json:"total"`
	// Missing reports whether the name has no backend. The answer is then 503, and
	// Reason is why, as text.
	Missing bool   `json:"missing,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Authority replaces the Host header, if not empty.
	Authority string `json:"authority,omitempty"`
	// RequestHeaders and ResponseHeaders are the operations of the destination and of
	// its route, in the order in which they are done.
	RequestHeaders  []HeaderOperation `json:"requestHeaders,omitempty"`
	ResponseHeaders []HeaderOperation `json:"responseHeaders,omitempty"`
	// Policy is what the DestinationRule at PolicyPlace declares, one line for each
	// setting that is not the default.
	Policy      []string `json:"policy,omitempty"`
	PolicyPlace Place    `json:"policyPlace,omitzero"`
}

// A RouteID identifies a route in a Table. It can be compared with ==. A Decision with a
// route has the same four values.
type RouteID struct {
	// Listener and RouteConfig are Envoy's names, and VirtualHost is the domain.
	Listener, RouteConfig, VirtualHost string
	// Index is the route's position in the virtual host.
	Index int
}

// String returns the identity as text, such as "0.0.0.0_80 http.80 shop.test 3".
func (id RouteID) String() string {
	return fmt.Sprintf("%s %s %s %d", id.Listener, id.RouteConfig, id.VirtualHost, id.Index)
}

// All returns every route with its identity, in order. The routes are those of the table
// itself, not copies.
func (t *Table) All() iter.Seq2[RouteID, *Route] {
	return func(yield func(RouteID, *Route) bool) {
		for i := range t.Listeners {
			l := &t.Listeners[i]
			for j := range l.RouteConfigs {
				c := &l.RouteConfigs[j]
				for k := range c.VirtualHosts {
					h := &c.VirtualHosts[k]
					for n := range h.Routes {
						r := &h.Routes[n]
						if !yield(RouteID{l.Name, c.Name, h.Domain, r.Index}, r) {
							return
						}
					}
				}
			}
		}
	}
}

// MarshalJSON writes durations as text, such as "1.5s".
func (r Route) MarshalJSON() ([]byte, error) {
	type plain Route
	return json.Marshal(struct {
		plain
		Timeout durationText `json:"timeout,omitempty"`
	}{plain(r), durationText(r.Timeout)})
}
