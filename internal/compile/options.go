package compile

import (
	"log/slog"
	"net/http"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// Options are the settings for compiling a program, in addition to the
// declarations.
type Options struct {
	Backends  []Backend
	Limiters  map[string]ratelimit.Limiter
	Semantics semantics.Mode
	Paths     spec.PathNormalization
	// Strict is nil if requests are read as Envoy reads them.
	Strict  *program.Strict
	Trusted int
	// MaxBody limits the bodies of requests in bytes, and MaxRequests the requests in
	// flight. 0 is no limit.
	MaxBody     int64
	MaxRequests int
	// Namespace is the namespace of declarations and backends without one.
	Namespace string
	Workload  resource.Workload
	Locality  string
	Log       *slog.Logger
	Fallback  http.Handler
	Observers []observe.Observer
	// Replicas is how many gateways share the limits of a limiter, or 0 for one.
	Replicas int
	// LocalReply edits the gateway's own error replies. It may be nil.
	LocalReply func(*http.Request, *localreply.Reply)
	// RoutingContext adds an observe.Routing to the context for handlers.
	RoutingContext bool
	Random         func() uint64
	Resolver       upstream.Resolver
	Transport      upstream.Transport
	// Credentials are the credentials for TLS to destinations.
	Credentials map[string]Credential
	Discoveries map[string]Discovery
}

// DefaultOptions are the options of a new Builder.
func DefaultOptions() Options {
	return Options{
		Namespace: resource.DefaultNamespace,
		Workload:  resource.Workload{Namespace: resource.RootNamespace},
		Limiters:  map[string]ratelimit.Limiter{},
		Log:       slog.New(slog.DiscardHandler),
		Random:    edge.Random,
	}
}
