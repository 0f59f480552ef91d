package inspect

import (
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Changes is how the answers of two gateways to the same requests differ. The first
// gateway is the old one, the second the new one.
type Changes struct {
	// Names are the names of the two gateways in texts: "old" and "new", unless Comparing
	// has others.
	Names [2]string `json:"-"`
	// Proved means that nothing else changes: every request of which neither Requests
	// nor Servers speaks gets the same answer from both gateways. If it is false,
	// Unproved says which requests it is not known of.
	Proved bool `json:"proved"`
	// Servers are ports and TLS servers that were added, removed or changed.
	Servers []ServerChange `json:"servers,omitempty"`
	// Hosts are hosts that were added or removed. What that means for their requests
	// is in Requests.
	Hosts []HostChange `json:"hosts,omitempty"`
	// Requests are the changed requests, by what changes. The most important come
	// first.
	Requests []RequestChange `json:"requests,omitempty"`
	// Unproved are requests of which it is not known whether they change.
	Unproved []Unproved `json:"unproved,omitempty"`
}

// Empty reports whether no change was found. See Proved for whether there is none.
func (c *Changes) Empty() bool {
	return len(c.Servers) == 0 && len(c.Hosts) == 0 && len(c.Requests) == 0
}

// A ServerChange is a change of how connections are accepted.
type ServerChange struct {
	// Listener is Envoy's name of the listener, such as "0.0.0.0_443".
	Listener string `json:"listener"`
	// Names are the server names (SNI) that it is about. It is empty for all.
	Names []string `json:"names,omitempty"`
	// Kind is the kind of the change.
	Kind ChangeKind `json:"kind"`
	// Old and New are the settings that changed, as text.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// A HostChange is a host that was added to a route config, or removed from it.
type HostChange struct {
	// RouteConfig is Envoy's name of the route config, such as "http.80".
	RouteConfig string     `json:"routeConfig"`
	Host        string     `json:"host"`
	Kind        ChangeKind `json:"kind"`
	// Instead is the less specific host, such as "*.example.com", that serves the
	// requests if this one is not there. If it is empty, they get 404.
	Instead string `json:"instead,omitempty"`
}

// A ChangeKind is the kind of a change.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// A RequestChange is a class of requests that get another answer.
type RequestChange struct {
	// Kind is Added if all these requests got 404 before, and Removed if they get 404
	// now.
	Kind ChangeKind `json:"kind"`
	// Witness is one of the requests. Both gateways were asked about it.
	Witness Witness `json:"witness"`
	// Old and New are the answers to the witness.
	Old Answer `json:"old"`
	New Answer `json:"new"`
	// Differences are what differs between the answers.
	Differences []Difference `json:"differences"`
	// More is the number of further classes of requests, of other hosts or routes, that
	// change in the same way. Others are some of them.
	More   int       `json:"more,omitempty"`
	Others []Witness `json:"others,omitempty"`
}

// An Answer is what a gateway answers to a request.
type Answer struct {
	// Text is the answer in short, such as "reviews.default.svc.cluster.local:9080 as
	// /reviews/1".
	Text string `json:"text"`
	// VirtualHost is the host that serves the request, or empty.
	VirtualHost string `json:"virtualHost,omitempty"`
	// VirtualService is "namespace/name", and Route has the names of the route and the
	// match. Match is the condition on the request, as text. They are empty if no route
	// matches.
	VirtualService string `json:"virtualService,omitempty"`
	Route          string `json:"route,omitempty"`
	Match          string `json:"match,omitempty"`
	// Place is where the route was declared.
	Place Place `json:"place,omitzero"`
}

// A Difference is one thing that differs between two answers, such as the timeout. Old
// or New is empty if there is none.
type Difference struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// A Witness is a request that shows a change, or what a Shadow is about.
type Witness struct {
	Method string `json:"method"`
	// URL has the scheme, the host and the port of the listener, if that is not the
	// default of the scheme.
	URL string `json:"url"`
	// Header has the headers. Host is in it if the Host header differs from the URL.
	Header http.Header `json:"header,omitempty"`
}

// Unproved are requests of which it is not known whether their answer changes.
type Unproved struct {
	RouteConfig string `json:"routeConfig"`
	Host        string `json:"host,omitempty"`
	// Old and New are the conditions of the routes, as text, that match the requests. An
	// empty one means that no route matches.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Reason is why it is not known.
	Reason string `json:"reason"`
}

// Comparing are settings for the comparison of two gateways. The zero value compares
// everything.
type Comparing struct {
	// Names are what the two gateways are called in texts. Empty means "old" and "new".
	Names [2]string
	// RouteConfigs maps names of route configs in the old gateway to those in the new
	// one that they are compared with. If it is not nil, only these are compared, and
	// listeners are not.
	RouteConfigs map[string]string
	// Ignore are the names of differences that are not compared, such as "endpoints". A
	// name stands for those with the same beginning and " of ", too.
	Ignore []string
	// Unknown reports whether it is not known what the routes with an origin do. Their
	// requests are Unproved. It may be nil.
	Unknown func(spec.Origin) string
}

// Ignores reports whether a difference is ignored.
func (c *Comparing) Ignores(name string) bool {
	name, _, _ = strings.Cut(name, " of ")
	return slices.Contains(c.Ignore, name)
}
