package observe

import "time"

// A Status is what a Gateway serves at present: gateway.Gateway.Status returns it. It
// shares nothing with the Gateway.
type Status struct {
	// Generation counts the configurations of the Gateway from 1, and Built is when
	// the present one was built.
	Generation uint64
	Built      time.Time
	// Semantics is "native" or "envoy".
	Semantics string
	Listeners []Listener
	// Load is that of all routes.
	Load Load
}

// A Load is how many requests are in flight, if a bound counts them.
type Load struct {
	// Most is the bound, or 0 for none: the other fields are 0 then too.
	Most int64
	// Active is the number of requests at present, with upgraded connections, and Shed
	// how many were refused so far because there were too many.
	Active int64
	Shed   uint64
}

// Loads are those of a gateway and of its routes.
type Loads struct {
	Gateway Load
	// Routes are the routes with a bound of their own, in order of their names. Those that
	// have the same names are added up.
	Routes []RouteLoad
}

// A RouteLoad is the load of a route on a listener.
type RouteLoad struct {
	// Listener and VirtualService are as in Outcome. Route is the name of the route
	// without that of a match.
	Listener, VirtualService, Route string
	Load
}

// A Listener is a port with its route tables: one for plain text, or one for each TLS
// server.
type Listener struct {
	// Name is Envoy's name, such as "0.0.0.0_80".
	Name   string
	Port   int
	Bind   string
	Tables []RouteTable
}

// A RouteTable has the virtual hosts that a connection may reach.
type RouteTable struct {
	// Name is Envoy's name, such as "http.80".
	Name string
	TLS  bool
	// ServerNames are those of the TLS server.
	ServerNames []string
	Hosts       []VirtualHost
}

// A VirtualHost has the routes of a domain, in order.
type VirtualHost struct {
	Domain string
	// RedirectsToHTTPS means that plain text gets a redirect.
	RedirectsToHTTPS bool
	Routes           []Route
}

// A Route is one match of a route, with what it does.
type Route struct {
	// Index is the position in the virtual host.
	Index int
	// VirtualService and Name are as in Outcome.
	VirtualService, Name string
	// File and Line are where the route was declared, if that is known.
	File string
	Line int
	// Match has the conditions as text, and Action what a route without
	// destinations does. Limits are its rate limits as text.
	Match, Action string
	Limits        []string
	Destinations  []RouteDestination
	// Load is that of the route, if it has a bound of its own.
	Load Load
}

// A RouteDestination is a destination of a route with what is behind it.
type RouteDestination struct {
	Destination
	// Missing is the reason if nothing is behind it, so that requests get 503.
	Missing string
	// Endpoints are those of a destination outside this process.
	Endpoints []Endpoint
}

// An Endpoint is one place where a destination runs.
type Endpoint struct {
	Address string
	// Ejected means that outlier detection has taken it out for a time.
	Ejected bool
	// Active is the number of requests in progress.
	Active int64
}
