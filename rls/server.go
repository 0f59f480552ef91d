package rls

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lateengo/gateway/ratelimit"
)

// A Server is a rate limit service, for Envoy or for a Limiter. NewServer returns
// one. All methods can be called concurrently.
//
// It answers like github.com/envoyproxy/ratelimit. All descriptors of a request
// are counted, even if one is over its limit. A limit in a descriptor of the
// request is used instead of the one in the Config. A descriptor without a limit
// is OK, and so is one whose limit is replaced by that of another descriptor. With
// a redislimit.Limiter and the same Redis, both count together. With a
// memlimit.Limiter, the Server counts in its memory.
//
// These are the differences. An error has a status code that says what it is,
// such as InvalidArgument. A limit of 0 requests is always over, and is not
// counted. A request that gives hits back (is_negative_hits) is an error, and so
// is a limit in a request without a unit. The multiplier of the unit of such a
// limit is used. There are no headers and no metadata in the answers.
type Server struct {
	ratelimitv3.UnimplementedRateLimitServiceServer

	limiter ratelimit.Limiter
	config  atomic.Pointer[Config]
	options ServerOptions
	now     func() time.Time
}

var _ ratelimitv3.RateLimitServiceServer = (*Server)(nil)

// ServerOptions are the options of NewServer. The zero value has the defaults.
type ServerOptions struct {
	// GCRA counts with ratelimit.AlgorithmGCRA. The default is
	// ratelimit.AlgorithmFixedWindow, as in github.com/envoyproxy/ratelimit.
	GCRA bool
	// ShadowMode counts, and answers OK even if a descriptor is over its limit
	// (SHADOW_MODE). The statuses of the descriptors still say so.
	ShadowMode bool
}

// NewServer returns a Server that finds limits in the config, and counts with the
// limiter, which must not be nil. With a nil config, every call is an error.
func NewServer(limiter ratelimit.Limiter, config *Config, options ServerOptions) *Server {
	s := &Server{limiter: limiter, options: options, now: time.Now}
	s.config.Store(config)
	return s
}

// Register registers the service, usually on a *grpc.Server.
func (s *Server) Register(registrar grpc.ServiceRegistrar) {
	ratelimitv3.RegisterRateLimitServiceServer(registrar, s)
}

// SetConfig replaces the config. What is counted remains. Calls that have begun
// use the config from before.
func (s *Server) SetConfig(config *Config) { s.config.Store(config) }

// ShouldRateLimit implements ratelimitv3.RateLimitServiceServer. An error is a
// gRPC status: InvalidArgument without a domain or without descriptors, and for
// what is not possible; Unavailable without a Config, and if the Limiter fails;
// DeadlineExceeded or Canceled if the context ends. If the Limiter panics or gives
// a wrong answer, it is Internal.
func (s *Server) ShouldRateLimit(ctx context.Context, request *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	if request.GetDomain() == "" {
		return nil, status.Error(codes.InvalidArgument, "the domain of a rate limit request must not be empty")
	}
	if len(request.GetDescriptors()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "the descriptors of a rate limit request must not be empty")
	}
	config := s.config.Load()
	if config == nil {
		return nil, status.Error(codes.Unavailable, "there is no configuration of rate limits yet")
	}
	checks, err := config.checks(request)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.count(ctx, request.GetDomain(), checks); err != nil {
		return nil, err
	}
	response := &ratelimitv3.RateLimitResponse{
		OverallCode: ratelimitv3.RateLimitResponse_OK,
		Statuses:    make([]*ratelimitv3.RateLimitResponse_DescriptorStatus, len(checks)),
	}
	for i := range checks {
		answered := checks[i].status(s.now())
		if answered.Code == ratelimitv3.RateLimitResponse_OVER_LIMIT && !s.options.ShadowMode {
			response.OverallCode = ratelimitv3.RateLimitResponse_OVER_LIMIT
		}
		response.Statuses[i] = answered
	}
	return response, nil
}

// count asks the limiter about the descriptors that have something to count. What
// is there again gets a call of its own after that, because a Limiter may count it
// apart within one call. Envoy's service counts it together.
func (s *Server) count(ctx context.Context, domain string, checks []check) error {
	for _, round := range rounds(checks) {
		if err := s.countRound(ctx, domain, round); err != nil {
			return err
		}
	}
	return nil
}

// rounds returns the checks with something to count. No counter is twice in a
// round.
func rounds(checks []check) [][]*check {
	var all [][]*check
	var seen map[string]int
	for i := range checks {
		c := &checks[i]
		if !c.counted() {
			continue
		}
		round := 0
		if len(checks) > 1 {
			if seen == nil {
				seen = make(map[string]int, len(checks))
			}
			counter := c.counter()
			round = seen[counter]
			seen[counter]++
		}
		if round == len(all) {
			all = append(all, nil)
		}
		all[round] = append(all[round], c)
	}
	return all
}

func (s *Server) countRound(ctx context.Context, domain string, round []*check) error {
	q := ratelimit.Request{Domain: domain, Hits: 1, Descriptors: make([]ratelimit.Descriptor, len(round))}
	same := true
	for i, c := range round {
		q.Descriptors[i] = c.descriptor()
		if s.options.GCRA {
			q.Descriptors[i].Algorithm = ratelimit.AlgorithmGCRA
		}
		same = same && c.hits == round[0].hits
		if c.hits == 0 {
			// Zero hits of a descriptor mean those of the request.
			q.Hits = 0
		}
	}
	if same {
		q.Hits = round[0].hits
		for i := range q.Descriptors {
			q.Descriptors[i].Hits = 0
		}
	}
	r, err := s.ask(ctx, q)
	if err != nil {
		return limiterError(ctx, err)
	}
	if len(r.Statuses) != len(round) {
		return status.Errorf(codes.Internal, "the limiter has answered with %d statuses for %d descriptors", len(r.Statuses), len(round))
	}
	for i, c := range round {
		c.result = r.Statuses[i]
	}
	return nil
}

var errPanic = errors.New("the limiter panicked")

// ask calls the limiter. A panic of it must not end the process.
func (s *Server) ask(ctx context.Context, q ratelimit.Request) (r ratelimit.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return s.limiter.Limit(ctx, q)
}

func limiterError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errPanic):
		return status.Error(codes.Internal, err.Error())
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(codes.Unavailable, err.Error())
}
