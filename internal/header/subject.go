package header

import (
	"net/http"
	"time"

	"github.com/lateengo/gateway/internal/edge"
)

// A Subject is the exchange whose headers are changed, as operators see it.
type Subject interface {
	// incoming is the request as it came, sent as the destination gets it.
	Incoming() *http.Request
	Sent() *http.Request
	Edge() *edge.Edge
	// edgeFirst reports whether the edge's headers are written before the
	// operations. alone reports whether there is no edge.
	EdgeFirst() bool
	Alone() bool
	Scheme() string
	// path is normalized, without query.
	Path() string
	PathAndQuery() string
	RouteName() string
	// forwarded reports whether there is a destination.
	Forwarded() bool
	// cluster is Istio's name of the destination, "" if there is none.
	Cluster() string
	// upstream is the address and the protocol of the endpoint that answers, ""
	// for a backend in this process.
	Upstream() (address, protocol string)
	// started is when the request was taken.
	Started() time.Time
	// one returns a slice of one value.
	One(string) []string
}
