package rls

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lateengo/gateway/ratelimit"
)

// noon is 40 seconds into its minute.
var noon = time.Date(2026, 7, 1, 12, 0, 40, 0, time.UTC)

func atNoon() time.Time { return noon }

// The limits of the tests, which a real service reads as well.
const shopLimits = `
domain: shop
descriptors:
  - key: user
    rate_limit: {unit: hour, requests_per_unit: 2, name: any-user}
  - key: user
    value: alice
    rate_limit: {unit: hour, requests_per_unit: 4}
  - key: user
    value: root
    rate_limit: {unlimited: true}
  - key: user
    value: mallory
    rate_limit: {unit: day, requests_per_unit: 0}
  - key: shadow
    shadow_mode: true
    rate_limit: {unit: hour, requests_per_unit: 1, name: dark}
  - key: vip
    rate_limit: {unit: day, requests_per_unit: 3, name: vip, replaces: [{name: any-user}]}
  - key: free
    rate_limit: {unlimited: true, replaces: [{name: any-user}]}
  - key: path
    value: /files/*
    rate_limit: {unit: week, requests_per_unit: 2}
    descriptors:
      - key: user
        rate_limit: {unit: month, requests_per_unit: 2}
  - key: path
    value: /shared/*
    share_threshold: true
    rate_limit: {unit: year, requests_per_unit: 2}
  - key: path
    rate_limit: {unit: year, requests_per_unit: 1}
`

// ask returns a request with a descriptor for each list of keys and values.
func ask(domain string, descriptors ...[]string) *ratelimitv3.RateLimitRequest {
	q := &ratelimitv3.RateLimitRequest{Domain: domain}
	for _, pairs := range descriptors {
		d := new(commonv3.RateLimitDescriptor)
		for i := 0; i < len(pairs); i += 2 {
			d.Entries = append(d.Entries, &commonv3.RateLimitDescriptor_Entry{Key: pairs[i], Value: pairs[i+1]})
		}
		q.Descriptors = append(q.Descriptors, d)
	}
	return q
}

func d(pairs ...string) []string { return pairs }

func withLimit(q *ratelimitv3.RateLimitRequest, requests uint32, unit typev3.RateLimitUnit) *ratelimitv3.RateLimitRequest {
	for _, d := range q.Descriptors {
		d.Limit = &commonv3.RateLimitDescriptor_RateLimitOverride{RequestsPerUnit: requests, Unit: unit}
	}
	return q
}

func withHits(q *ratelimitv3.RateLimitRequest, all uint32, own ...uint64) *ratelimitv3.RateLimitRequest {
	q.HitsAddend = all
	for i, hits := range own {
		q.Descriptors[i].HitsAddend = wrapperspb.UInt64(hits)
	}
	return q
}

func server(t testing.TB, options ServerOptions) (*Server, *windows) {
	t.Helper()
	w := newWindows(atNoon)
	s := NewServer(w, parse(t, shopLimits), options)
	s.now = atNoon
	return s, w
}

type limitProto = ratelimitv3.RateLimitResponse_RateLimit

func TestServerAnswers(t *testing.T) {
	const (
		minute = ratelimitv3.RateLimitResponse_RateLimit_MINUTE
		hour   = ratelimitv3.RateLimitResponse_RateLimit_HOUR
		day    = ratelimitv3.RateLimitResponse_RateLimit_DAY
		year   = ratelimitv3.RateLimitResponse_RateLimit_YEAR
	)
	anyUser := &limitProto{Name: "any-user", RequestsPerUnit: 2, Unit: hour}
	in := func(seconds int64) *durationpb.Duration { return &durationpb.Duration{Seconds: seconds} }
	none := &statusProto{Code: codeOK}
	unlimited := &statusProto{Code: codeOK, LimitRemaining: math.MaxUint32}
	type answer struct {
		over     bool
		statuses []*statusProto
	}
	ok := func(s ...*statusProto) answer { return answer{false, s} }
	over := func(s ...*statusProto) answer { return answer{true, s} }
	multiplied := withLimit(ask("shop", d("user", "eve")), 3, typev3.RateLimitUnit_MINUTE)
	multiplied.Descriptors[0].Limit.UnitMultiplier = wrapperspb.UInt32(10)
	for _, c := range []struct {
		name    string
		options ServerOptions
		request *ratelimitv3.RateLimitRequest
		want    []answer
	}{
		{"until it is over", ServerOptions{}, ask("shop", d("user", "bob")), []answer{
			ok(&statusProto{Code: codeOK, CurrentLimit: anyUser, LimitRemaining: 1, DurationUntilReset: in(3560)}),
			ok(&statusProto{Code: codeOK, CurrentLimit: anyUser, DurationUntilReset: in(3560)}),
			over(&statusProto{Code: codeOver, CurrentLimit: anyUser, DurationUntilReset: in(3560)}),
		}},
		{"several", ServerOptions{}, withHits(ask("shop", d("user", "bob"), d("user", "alice"), d("x", "y")), 3), []answer{
			over(&statusProto{Code: codeOver, CurrentLimit: anyUser, DurationUntilReset: in(3560)},
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 4, Unit: hour}, LimitRemaining: 1, DurationUntilReset: in(3560)}, none),
			over(&statusProto{Code: codeOver, CurrentLimit: anyUser, DurationUntilReset: in(3560)},
				&statusProto{Code: codeOver, CurrentLimit: &limitProto{RequestsPerUnit: 4, Unit: hour}, DurationUntilReset: in(3560)}, none),
		}},
		{"no limit", ServerOptions{}, ask("shop", d("x", "y"), d()), []answer{ok(none, none)}},
		{"another domain", ServerOptions{}, withLimit(ask("Shop", d("user", "bob")), 1, typev3.RateLimitUnit_DAY), []answer{ok(none), ok(none)}},
		{"unlimited", ServerOptions{}, withHits(ask("shop", d("user", "root")), 1000), []answer{ok(unlimited), ok(unlimited)}},
		{"banned", ServerOptions{}, ask("shop", d("user", "mallory")), []answer{
			over(&statusProto{Code: codeOver, CurrentLimit: &limitProto{Unit: day}, DurationUntilReset: in(12*3600 - 40)}),
		}},
		{"shadow", ServerOptions{}, ask("shop", d("shadow", "x")), []answer{
			ok(&statusProto{Code: codeOK, CurrentLimit: &limitProto{Name: "dark", RequestsPerUnit: 1, Unit: hour}, DurationUntilReset: in(3560)}),
			ok(&statusProto{Code: codeOK, CurrentLimit: &limitProto{Name: "dark", RequestsPerUnit: 1, Unit: hour}, DurationUntilReset: in(3560)}),
		}},
		{"shadow of all", ServerOptions{ShadowMode: true}, withHits(ask("shop", d("user", "bob")), 9), []answer{
			ok(&statusProto{Code: codeOver, CurrentLimit: anyUser, DurationUntilReset: in(3560)}),
		}},
		{"replaced", ServerOptions{}, ask("shop", d("user", "bob"), d("vip", "1")), []answer{
			ok(none, &statusProto{Code: codeOK, CurrentLimit: &limitProto{Name: "vip", RequestsPerUnit: 3, Unit: day}, LimitRemaining: 2, DurationUntilReset: in(12*3600 - 40)}),
		}},
		{"replaced by unlimited", ServerOptions{}, ask("shop", d("free", "1"), d("user", "bob"), d("user", "alice")), []answer{
			ok(unlimited, none, &statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 4, Unit: hour}, LimitRemaining: 3, DurationUntilReset: in(3560)}),
		}},
		{"a limit of the request", ServerOptions{}, withLimit(ask("shop", d("user", "root")), 1, typev3.RateLimitUnit_MINUTE), []answer{
			ok(&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 1, Unit: minute}, DurationUntilReset: in(20)}),
			over(&statusProto{Code: codeOver, CurrentLimit: &limitProto{RequestsPerUnit: 1, Unit: minute}, DurationUntilReset: in(20)}),
		}},
		{"several units", ServerOptions{}, multiplied, []answer{
			ok(&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 3, Unit: minute, UnitMultiplier: wrapperspb.UInt32(10)}, LimitRemaining: 2, DurationUntilReset: in(560)}),
		}},
		{"hits of descriptors", ServerOptions{}, withHits(ask("shop", d("user", "bob"), d("user", "alice"), d("shadow", "s")), 2, 0, 3), []answer{
			ok(&statusProto{Code: codeOK, CurrentLimit: anyUser, LimitRemaining: 2, DurationUntilReset: in(3560)},
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 4, Unit: hour}, LimitRemaining: 1, DurationUntilReset: in(3560)},
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{Name: "dark", RequestsPerUnit: 1, Unit: hour}, DurationUntilReset: in(3560)}),
		}},
		{"a pattern counts values apart", ServerOptions{}, ask("shop", d("path", "/files/a"), d("path", "/files/b"), d("path", "/files/c", "user", "x")), []answer{
			ok(
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 2, Unit: ratelimitv3.RateLimitResponse_RateLimit_WEEK}, LimitRemaining: 1, DurationUntilReset: in(12*3600 - 40)},
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 2, Unit: ratelimitv3.RateLimitResponse_RateLimit_WEEK}, LimitRemaining: 1, DurationUntilReset: in(12*3600 - 40)},
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 2, Unit: ratelimitv3.RateLimitResponse_RateLimit_MONTH}, LimitRemaining: 1, DurationUntilReset: in(monthLeft())},
			),
		}},
		{"a pattern counts values together", ServerOptions{}, ask("shop", d("path", "/shared/a"), d("path", "/shared/b")), []answer{
			ok(
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 2, Unit: year}, LimitRemaining: 1, DurationUntilReset: in(yearLeft())},
				&statusProto{Code: codeOK, CurrentLimit: &limitProto{RequestsPerUnit: 2, Unit: year}, DurationUntilReset: in(yearLeft())},
			),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := server(t, c.options)
			client := ratelimitv3.NewRateLimitServiceClient(connect(t, s))
			for n, want := range c.want {
				got, err := client.ShouldRateLimit(context.Background(), c.request)
				require.NoError(t, err)
				code := codeOK
				if want.over {
					code = codeOver
				}
				expected := &ratelimitv3.RateLimitResponse{OverallCode: code, Statuses: want.statuses}
				require.True(t, proto.Equal(expected, got), "call %d\nwant %v\ngot  %v", n, expected, got)
			}
		})
	}
}

func left(unit int64) int64 { return unit - noon.Unix()%unit }
func monthLeft() int64      { return left(30 * 86400) }
func yearLeft() int64       { return left(365 * 86400) }

func TestServerErrors(t *testing.T) {
	negative := ask("shop", d("user", "bob"))
	negative.Descriptors[0].IsNegativeHits = true
	multiplied := func(n uint32, unit typev3.RateLimitUnit) *ratelimitv3.RateLimitRequest {
		q := withLimit(ask("shop", d("user", "bob")), 1, unit)
		q.Descriptors[0].Limit.UnitMultiplier = wrapperspb.UInt32(n)
		return q
	}
	for _, c := range []struct {
		name    string
		request *ratelimitv3.RateLimitRequest
		want    string
	}{
		{"no domain", ask("", d("user", "bob")), "the domain of a rate limit request must not be empty"},
		{"no descriptors", ask("shop"), "the descriptors of a rate limit request must not be empty"},
		{"no unit", withLimit(ask("shop", d("user", "bob")), 1, typev3.RateLimitUnit_UNKNOWN), "descriptor 0: a limit cannot have the unit UNKNOWN"},
		{"another unit", withLimit(ask("shop", d("user", "bob")), 1, 99), "descriptor 0: a limit cannot have the unit 99"},
		{"zero units", multiplied(0, typev3.RateLimitUnit_SECOND), "descriptor 0: a limit cannot have 0 units of a second"},
		{"too many units", multiplied(101, typev3.RateLimitUnit_YEAR), "descriptor 0: a limit cannot have 101 units of a year"},
		{"hits given back", negative, "descriptor 0: hits cannot be given back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := server(t, ServerOptions{})
			_, err := s.ShouldRateLimit(context.Background(), c.request)
			require.Equal(t, codes.InvalidArgument, status.Code(err))
			require.Equal(t, c.want, status.Convert(err).Message())
			require.Empty(t, w.asked)
		})
	}
	// What is just right.
	for _, q := range []*ratelimitv3.RateLimitRequest{multiplied(1, typev3.RateLimitUnit_SECOND), multiplied(100, typev3.RateLimitUnit_YEAR), {Domain: "shop", Descriptors: []*commonv3.RateLimitDescriptor{nil}}} {
		s, _ := server(t, ServerOptions{})
		_, err := s.ShouldRateLimit(context.Background(), q)
		require.NoError(t, err)
	}
}

type limiterFunc func(context.Context, ratelimit.Request) (ratelimit.Response, error)

func (f limiterFunc) Limit(ctx context.Context, q ratelimit.Request) (ratelimit.Response, error) {
	return f(ctx, q)
}

func TestLimiterFails(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		limiter limiterFunc
		want    codes.Code
	}{
		{"an error", context.Background(), func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{}, errors.New("no redis")
		}, codes.Unavailable},
		{"a panic", context.Background(), func(context.Context, ratelimit.Request) (ratelimit.Response, error) { panic("boom") }, codes.Internal},
		{"no statuses", context.Background(), func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{}, nil
		}, codes.Internal},
		{"canceled", ended, func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{}, ctx.Err()
		}, codes.Canceled},
		{"late", late, func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{}, ctx.Err()
		}, codes.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewServer(c.limiter, parse(t, shopLimits), ServerOptions{})
			_, err := s.ShouldRateLimit(c.ctx, ask("shop", d("user", "bob")))
			require.Equal(t, c.want, status.Code(err), "%v", err)
		})
	}
}

func TestWhatTheLimiterIsAsked(t *testing.T) {
	const hour = time.Hour
	bob := ratelimit.Descriptor{Entries: user("bob"), Requests: 2, Unit: hour, Algorithm: ratelimit.AlgorithmFixedWindow}
	alice := ratelimit.Descriptor{Entries: user("alice"), Requests: 4, Unit: hour, Algorithm: ratelimit.AlgorithmFixedWindow}
	with := func(d ratelimit.Descriptor, hits int) ratelimit.Descriptor {
		d.Hits = hits
		return d
	}
	shared := ratelimit.Descriptor{Entries: []ratelimit.Entry{{Key: "path", Value: "/shared/*"}}, Requests: 2, Unit: 365 * 24 * hour, Algorithm: ratelimit.AlgorithmFixedWindow}
	both := func() *ratelimitv3.RateLimitRequest {
		return ask("shop", d("user", "bob"), d("x", "y"), d("user", "alice"))
	}
	many := int(min(math.MaxInt, 1<<32))
	for _, c := range []struct {
		name    string
		request *ratelimitv3.RateLimitRequest
		hits    int
		want    []ratelimit.Descriptor
	}{
		{"once", both(), 1, []ratelimit.Descriptor{bob, alice}},
		{"more hits", withHits(both(), 3), 3, []ratelimit.Descriptor{bob, alice}},
		{"other hits", withHits(both(), 3, 2), 1, []ratelimit.Descriptor{with(bob, 2), with(alice, 3)}},
		{"the same hits", withHits(both(), 3, 5, 0, 5), 5, []ratelimit.Descriptor{bob, alice}},
		{"no hits of one", withHits(both(), 3, 0), 0, []ratelimit.Descriptor{bob, with(alice, 3)}},
		{"no hits", withHits(both(), 3, 0, 0, 0), 0, []ratelimit.Descriptor{bob, alice}},
		{"too many hits", withHits(both(), 3, math.MaxUint64, 1, math.MaxUint64), many, []ratelimit.Descriptor{bob, alice}},
		{"a shared value", ask("shop", d("path", "/shared/x")), 1, []ratelimit.Descriptor{shared}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := server(t, ServerOptions{})
			_, err := s.ShouldRateLimit(context.Background(), c.request)
			require.NoError(t, err)
			require.Equal(t, []ratelimit.Request{{Domain: "shop", Hits: c.hits, Descriptors: c.want}}, w.asked)
		})
	}
	for _, q := range []*ratelimitv3.RateLimitRequest{ask("shop", d("x", "y")), ask("shop", d("user", "root")), ask("shop", d("user", "mallory"))} {
		s, w := server(t, ServerOptions{})
		_, err := s.ShouldRateLimit(context.Background(), q)
		require.NoError(t, err)
		require.Empty(t, w.asked, "nothing to count")
	}
	// What is there again is counted in a call of its own.
	s, w := server(t, ServerOptions{})
	_, err := s.ShouldRateLimit(context.Background(), withHits(ask("shop", d("user", "bob"), d("user", "alice"), d("user", "bob"), d("user", "bob")), 1, 1, 1, 2, 1))
	require.NoError(t, err)
	require.Equal(t, []ratelimit.Request{
		{Domain: "shop", Hits: 1, Descriptors: []ratelimit.Descriptor{bob, alice}},
		{Domain: "shop", Hits: 2, Descriptors: []ratelimit.Descriptor{bob}},
		{Domain: "shop", Hits: 1, Descriptors: []ratelimit.Descriptor{bob}},
	}, w.asked)

	s, w = server(t, ServerOptions{GCRA: true})
	_, err = s.ShouldRateLimit(context.Background(), ask("shop", d("user", "bob")))
	require.NoError(t, err)
	require.Equal(t, ratelimit.AlgorithmGCRA, w.asked[0].Descriptors[0].Algorithm)
}

// What a limiter answers is bounded, and times are rounded up to whole seconds.
func TestLimiterAnswers(t *testing.T) {
	for _, c := range []struct {
		from      ratelimit.Status
		remaining uint32
		reset     int64
	}{
		{ratelimit.Status{Remaining: 5, Reset: time.Second}, 5, 1},
		{ratelimit.Status{Remaining: 5, Reset: time.Second + 1}, 5, 2},
		{ratelimit.Status{Remaining: 5, Reset: 1}, 5, 1},
		{ratelimit.Status{Remaining: -5, Reset: -1}, 0, 0},
		{ratelimit.Status{Remaining: math.MaxInt}, uint32(min(math.MaxInt, math.MaxUint32)), 0},
		{ratelimit.Status{Remaining: 5, Over: true, Reset: time.Second}, 0, 1},
	} {
		s := NewServer(limiterFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{Statuses: []ratelimit.Status{c.from}}, nil
		}), parse(t, shopLimits), ServerOptions{})
		r, err := s.ShouldRateLimit(context.Background(), ask("shop", d("user", "bob")))
		require.NoError(t, err)
		require.Equal(t, c.remaining, r.Statuses[0].LimitRemaining)
		require.Equal(t, c.reset, r.Statuses[0].DurationUntilReset.Seconds)
	}
}

func TestSetConfig(t *testing.T) {
	s := NewServer(newWindows(atNoon), nil, ServerOptions{})
	_, err := s.ShouldRateLimit(context.Background(), ask("shop", d("user", "bob")))
	require.Equal(t, codes.Unavailable, status.Code(err))

	s.SetConfig(parse(t, shopLimits))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				_, err := s.ShouldRateLimit(context.Background(), ask("shop", d("user", "bob")))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		s.SetConfig(parse(t, shopLimits))
	}
	all.Wait()
	s.SetConfig(new(Config))
	r, err := s.ShouldRateLimit(context.Background(), ask("shop", d("user", "bob")))
	require.NoError(t, err)
	require.Nil(t, r.Statuses[0].CurrentLimit)
}

// A Limiter understands a Server.
func TestBothSides(t *testing.T) {
	s, _ := server(t, ServerOptions{})
	l := New(connect(t, s), Options{Domain: "shop"})
	for n := range 4 {
		r, err := l.Limit(context.Background(), one("any", ratelimit.Descriptor{Entries: user("bob")}))
		require.NoError(t, err)
		want := ratelimit.Status{Over: n >= 2, Remaining: max(1-n, 0), Reset: 3560 * time.Second}
		if want.Over {
			want.RetryAfter = want.Reset
		}
		require.Equal(t, ratelimit.Response{Over: want.Over, Statuses: []ratelimit.Status{want}}, r)
	}
	l = New(connect(t, s), Options{Domain: "shop", SendLimits: true})
	r, err := l.Limit(context.Background(), one("any", ratelimit.Descriptor{Entries: user("eve"), Requests: 9, Unit: time.Minute}))
	require.NoError(t, err)
	require.Equal(t, []ratelimit.Status{{Remaining: 8, Reset: 20 * time.Second}}, r.Statuses)
}

func TestRegister(t *testing.T) {
	g := grpc.NewServer()
	s, _ := server(t, ServerOptions{})
	s.Register(g)
	require.Contains(t, g.GetServiceInfo(), "envoy.service.ratelimit.v3.RateLimitService")
}
