package header

import (
	"net/http"
	"time"

	"github.com/lateengo/gateway/internal/edge"
)

// A Subject is the exchange whose headers are changed, as operators see it.
type Subject interface {
	// Incoming is the request as it was received, and Sent is the request as
	// the destination gets it.
	Incoming() *http.Request
	Sent() *http.Request
	Edge() *edge.Edge
	// EdgeFirst reports whether the edge's headers are written before the
	// operations. Alone reports whether there is no edge.
	EdgeFirst() bool
	Alone() bool
	Scheme() string
	// Path is normalized, without query.
	Path() string
	PathAndQuery() string
	RouteName() string
	// Forwarded reports whether there is a destination.
	Forwarded() bool
	// Cluster is Istio's name of the destination, or "" if there is none.
	Cluster() string
	// Upstream is the address and the protocol of the endpoint that answers. Both
	// are "" for a backend in this process.
	Upstream() (address, protocol string)
	// Started is when the request was received.
	Started() time.Time
	// One returns a slice of one value.
	One(string) []string
}
