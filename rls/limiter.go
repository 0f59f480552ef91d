// Package rls speaks the protocol of Envoy's rate limit service,
// envoy.service.ratelimit.v3.RateLimitService, on both sides.
//
// A Limiter is a ratelimit.Limiter that asks such a service, for example
// github.com/envoyproxy/ratelimit:
//
//	conn, err := rls.Dial("ratelimit.shop:8081", rls.DialOptions{})
//	...
//	defer conn.Close()
//	builder.Limiter("ratelimit", rls.New(conn, rls.Options{}))
//
// A Server is such a service. It finds limits in a Config, and counts with any
// ratelimit.Limiter:
//
//	config, err := rls.LoadConfig("ratelimit/config")
//	...
//	rls.NewServer(limiter, config, rls.ServerOptions{}).Register(grpcServer)
//
// The units of the protocol are the second, the minute, the hour, the day, the
// week, the month of 30 days and the year of 365 days.
package rls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lateengo/gateway/ratelimit"
)

// A Limiter asks a rate limit service. New returns one. All methods can be called
// concurrently.
type Limiter struct {
	client  ratelimitv3.RateLimitServiceClient
	options Options
	// warned is the set of units that were not sent.
	warned sync.Map
}

var _ ratelimit.OwnLimits = (*Limiter)(nil)

// Options are the options of New. The zero value has the defaults.
type Options struct {
	// Domain is sent instead of the domain of each request. An existing service
	// is often configured for one domain (domain of Envoy's rate limit filter).
	// The default is the domain of the request.
	Domain string
	// SendLimits sends the limit of each descriptor, which the service then uses
	// instead of its own (limit of Envoy's RateLimitDescriptor). The default is
	// that the service has its own limits for these descriptors.
	//
	// Only a number of requests per second, minute, hour, day, month of 30 days
	// or year of 365 days can be sent. For a descriptor with another unit, such as
	// a week or ten seconds, the service uses its own limit, if it has one. The
	// Burst and the Algorithm are never sent.
	SendLimits bool
	// Log gets a warning about each unit that cannot be sent, once. The default is
	// no log.
	Log *slog.Logger
}

// New returns a Limiter that uses the connection, which must not be nil. The
// caller closes the connection. Dial returns a fitting one. With another one, note
// that gRPC waits up to two minutes before it connects again, unless it has
// grpc.WithConnectParams.
func New(conn grpc.ClientConnInterface, options Options) *Limiter {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Limiter{client: ratelimitv3.NewRateLimitServiceClient(conn), options: options}
}

// Limit implements ratelimit.Limiter. It returns when the context ends, at the
// latest, and leaves no goroutine behind.
//
// As in Envoy, the overall code of the answer decides. The status of a descriptor
// can be over its limit while the Response is not, if the service only observes
// (SHADOW_MODE). Remaining is math.MaxUint32 for an unlimited descriptor, and 0
// for one without a limit. Reset has whole seconds, and is 0 if the service does
// not send it. RetryAfter is Reset, as the service sends nothing else. Statuses is
// nil if the service sends none.
//
// The headers and the body that the service sends for requests and responses are in
// the Response.
//
// An error is that of the context, or a gRPC status, both wrapped; or it says what
// is wrong with the request or with the answer. An answer without an overall code
// is an error, and so is one with a wrong number of statuses. After an error, the
// request may be counted.
func (l *Limiter) Limit(ctx context.Context, request ratelimit.Request) (ratelimit.Response, error) {
	q, err := l.question(&request)
	if err != nil {
		return ratelimit.Response{}, ratelimit.InvalidRequest(fmt.Errorf("rls: %w", err))
	}
	a, err := l.client.ShouldRateLimit(ctx, q)
	if err != nil {
		return ratelimit.Response{}, fmt.Errorf("rls: %w", callError(ctx, err))
	}
	r, err := response(a, len(request.Descriptors))
	if err != nil {
		return ratelimit.Response{}, fmt.Errorf("rls: %w", err)
	}
	return r, nil
}

// HasOwnLimits implements ratelimit.OwnLimits: the service has limits.
func (l *Limiter) HasOwnLimits() bool { return true }

// callError returns the error of the context if that ended the call. gRPC has its
// own timer, which can be the first to notice the deadline.
func callError(ctx context.Context, err error) error {
	code := status.Code(err)
	if code != codes.DeadlineExceeded && code != codes.Canceled {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, bounded := ctx.Deadline(); bounded && code == codes.DeadlineExceeded {
		return errors.Join(context.DeadlineExceeded, err)
	}
	return err
}
