package limit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A service is a limiter with limits of its own.
type service struct{ storeFunc }

func (*service) HasOwnLimits() bool { return true }

// sharedBy is a gateway with one route, a policy, and the default limiter.
func sharedBy(t *testing.T, l ratelimit.Limiter, p spec.RateLimitPolicy, options ...func(*gateway.Builder)) *gateway.Gateway {
	t.Helper()
	b := gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK).
		Limiter(spec.DefaultProvider, l).RateLimit(p)
	for _, o := range options {
		o(b)
	}
	return testgateway.Built(t, b)
}

func TestWhatALimiterGets(t *testing.T) {
	var asked []ratelimit.Request
	l := storeFunc(func(_ context.Context, r ratelimit.Request) (ratelimit.Response, error) {
		asked = append(asked, r)
		return ratelimit.Response{Statuses: make([]ratelimit.Status, len(r.Descriptors))}, nil
	})
	entry := func(pairs ...string) (out []ratelimit.Entry) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, ratelimit.Entry{Key: pairs[i], Value: pairs[i+1]})
		}
		return out
	}
	costly := spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{{Key: "a", Value: "b"}, user.Actions[0]}, Hits: 3}
	rate := &spec.DescriptorRate{Requests: 5, Unit: time.Minute}
	for _, row := range []struct {
		name   string
		global spec.GlobalRateLimit
		want   []ratelimit.Request
	}{
		{"the limits of a tree", spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{
			{Key: "user", Limit: rate}, {Key: "a", Value: "b", Descriptors: []spec.DescriptorLimit{{Key: "user", Value: "a*", ShareThreshold: true, Limit: rate}}},
		}}, []ratelimit.Request{{Domain: "default/p", Hits: 1, Descriptors: []ratelimit.Descriptor{
			{Entries: entry("user", "alice"), Requests: 5, Unit: time.Minute}, {Entries: entry("a", "b", "user", "a*"), Requests: 5, Unit: time.Minute, Hits: 3},
		}}}},
		{"fixed windows and a domain", spec.GlobalRateLimit{Domain: "shop", Algorithm: spec.LimitFixedWindow, Descriptors: []spec.DescriptorLimit{{Key: "user", Limit: rate}}},
			[]ratelimit.Request{{Domain: "shop", Hits: 1, Descriptors: []ratelimit.Descriptor{
				{Entries: entry("user", "alice"), Requests: 5, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow},
			}}}},
		{"limits that only the limiter knows", spec.GlobalRateLimit{Domain: "shop", OnStoreFailure: spec.StoreFailureAllow}, []ratelimit.Request{{Domain: "shop", Hits: 1, Descriptors: []ratelimit.Descriptor{
			{Entries: entry("user", "alice")}, {Entries: entry("a", "b", "user", "alice"), Hits: 3},
		}}}},
		{"nothing, if no limit is met", spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{{Key: "user", Value: "bob", Limit: rate}}}, nil},
		{"nothing of an unlimited or a banned one", spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{
			{Key: "user", Limit: &spec.DescriptorRate{Unlimited: true}}, {Key: "a", Descriptors: []spec.DescriptorLimit{{Key: "user", Shadow: true, Limit: &spec.DescriptorRate{Unit: time.Hour}}}},
		}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked = nil
			gw := sharedBy(t, &service{l}, spec.RateLimitPolicy{Name: "p", Descriptors: []spec.RateLimitDescriptor{user, costly}, Global: &row.global})
			play(t, gw, "alice 200")
			require.Equal(t, row.want, asked)
		})
	}
}

// A RateLimitDomain has the limits of the policies that name it.
func TestRateLimitDomain(t *testing.T) {
	b := gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK).Load(spec.Declarations{
		RateLimits:       []spec.RateLimitPolicy{{Name: "p", Descriptors: []spec.RateLimitDescriptor{user}, Global: &spec.GlobalRateLimit{Domain: "shop"}}},
		RateLimitDomains: []spec.RateLimitDomain{{Name: "shop", Descriptors: []spec.DescriptorLimit{{Key: "user", Limit: &spec.DescriptorRate{Requests: 1, Unit: time.Hour}}}}},
	})
	play(t, testgateway.Built(t, b), "alice 200 429", "bob 200")
}

func TestLimitsThatNobodyKnows(t *testing.T) {
	b := func(g spec.GlobalRateLimit) *gateway.Builder {
		return gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK).
			RateLimit(spec.RateLimitPolicy{Name: "p", Descriptors: []spec.RateLimitDescriptor{user}, Global: &g})
	}
	_, err := b(spec.GlobalRateLimit{Provider: "redis"}).Build()
	require.ErrorContains(t, err, `Global.Provider: no limiter is registered as "redis"`)

	unknown := b(spec.GlobalRateLimit{Domain: "shop"})
	play(t, testgateway.Built(t, unknown), "alice 200 200 200")
	require.Contains(t, fmt.Sprint(unknown.Warnings()), `Global.Descriptors: the limits of the domain "shop" are unknown: no Limiter is registered as "default", so the requests pass`)
	unknown = b(spec.GlobalRateLimit{Domain: "shop", OnStoreFailure: spec.StoreFailureDeny, StatusOnError: 503})
	play(t, testgateway.Built(t, unknown), "alice 503 503", "- 200")
	require.Contains(t, fmt.Sprint(unknown.Warnings()), `so the requests get 503`)

	// Redis counts, and knows no limits. It is not asked.
	counting := b(spec.GlobalRateLimit{Domain: "shop"}).Limiter(spec.DefaultProvider, storeFunc(nil))
	play(t, testgateway.Built(t, counting), "alice 200 200 200")
	require.Contains(t, fmt.Sprint(counting.Warnings()), `the limits of the domain "shop" are unknown: the Limiter "default" has none of its own, so the requests pass`)

	known := b(spec.GlobalRateLimit{Domain: "shop"}).Limiter(spec.DefaultProvider, &service{})
	_ = testgateway.Built(t, known)
	require.Contains(t, fmt.Sprint(known.Warnings()), `Global.OnStoreFailure: only the limiter knows the limits of the domain "shop": while it fails, all requests pass. ALLOW says so, and DENY refuses them`)
}

// While the limiter fails, each policy is handled as it says.
func TestGlobalLimitsWithoutTheirStore(t *testing.T) {
	down := storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
		return ratelimit.Response{}, errors.New("down")
	})
	hung := storeFunc(func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
		<-ctx.Done()
		return ratelimit.Response{}, ctx.Err()
	})
	tree := []spec.DescriptorLimit{{Key: "user", Limit: &spec.DescriptorRate{Requests: 6, Unit: time.Hour}}}
	three := func(b *gateway.Builder) { b.Replicas(3) }
	for _, row := range []struct {
		name    string
		limiter storeFunc
		global  spec.GlobalRateLimit
		mode    spec.LimitMode
		options []func(*gateway.Builder)
		steps   []string
	}{
		{"this process counts", down, spec.GlobalRateLimit{Descriptors: tree}, 0, nil, []string{"alice 200 200 200 200 200 200 429", "bob 200", "+10m", "alice 200 429"}},
		{"this process counts its share", down, spec.GlobalRateLimit{Descriptors: tree}, 0, []func(*gateway.Builder){three}, []string{"alice 200 200 429", "+30m", "alice 200 429"}},
		{"this process counts its share of windows", down, spec.GlobalRateLimit{Descriptors: tree, Algorithm: spec.LimitFixedWindow}, 0, []func(*gateway.Builder){three},
			[]string{"alice 200 200 429", "+59m", "alice 429", "+1m", "alice 200 200 429"}},
		{"requests pass", down, spec.GlobalRateLimit{Descriptors: tree, OnStoreFailure: spec.StoreFailureAllow}, 0, nil, []string{"alice 200 200 200 200 200 200 200 200"}},
		{"requests are refused", down, spec.GlobalRateLimit{Descriptors: tree, OnStoreFailure: spec.StoreFailureDeny}, 0, nil, []string{"alice 500", "- 200"}},
		{"requests are refused with a status", down, spec.GlobalRateLimit{Descriptors: tree, OnStoreFailure: spec.StoreFailureDeny, StatusOnError: 503}, 0, nil, []string{"alice 503"}},
		{"shadow refuses nothing", down, spec.GlobalRateLimit{Descriptors: tree, OnStoreFailure: spec.StoreFailureDeny}, spec.LimitShadow, nil, []string{"alice 200"}},
		{"nobody knows the limit", down, spec.GlobalRateLimit{}, 0, nil, []string{"alice 200 200 200 200 200 200 200"}},
		{"a limiter that hangs", hung, spec.GlobalRateLimit{Descriptors: tree}, 0, nil, []string{"alice 200 200 200 200 200 200 429"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				play(t, sharedBy(t, &service{row.limiter}, spec.RateLimitPolicy{Name: "p", Mode: row.mode, Descriptors: []spec.RateLimitDescriptor{user}, Global: &row.global}, row.options...), row.steps...)
			})
		})
	}
}

// A request waits for the limiter for the policy's timeout, and 20 ms without one.
func TestTimeoutOfAPolicy(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 20 * time.Millisecond, 5 * time.Millisecond: 5 * time.Millisecond, time.Second: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			gw := sharedBy(t, storeFunc(func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
				<-ctx.Done()
				return ratelimit.Response{}, ctx.Err()
			}), spec.RateLimitPolicy{Name: "p", Descriptors: []spec.RateLimitDescriptor{user}, Global: &spec.GlobalRateLimit{
				Timeout: timeout, Descriptors: []spec.DescriptorLimit{{Key: "user", Limit: &spec.DescriptorRate{Requests: 6, Unit: time.Hour}}},
			}})
			began := time.Now()
			play(t, gw, "alice 200")
			require.Equal(t, want, time.Since(began))
		})
	}
}

// A policy that waits less, or that the limiter cannot count, is no outage for others.
func TestPoliciesDoNotHurtEachOther(t *testing.T) {
	policy := func(name, path string, g spec.GlobalRateLimit) spec.RateLimitPolicy {
		g.Descriptors = []spec.DescriptorLimit{{Key: "k", Limit: &spec.DescriptorRate{Requests: 2, Unit: time.Hour}}}
		g.OnStoreFailure = spec.StoreFailureAllow
		return spec.RateLimitPolicy{Name: name, Targets: []spec.TargetRef{{Kind: "VirtualService", Name: "vs", SectionName: path}}, Descriptors: []spec.RateLimitDescriptor{fixed("k", name)}, Global: &g}
	}
	build := func(t *testing.T, l ratelimit.Limiter, policies ...spec.RateLimitPolicy) *gateway.Gateway {
		b := gateway.New().Backend("*", testhttp.AnswerOK).Limiter(spec.DefaultProvider, l).VirtualService(spec.VirtualService{
			Name: "vs", Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{
				{Name: "other", Match: []spec.Match{{URI: spec.Prefix("/other")}}, Destinations: []spec.Destination{{Host: "a"}}},
				{Name: "rest", Destinations: []spec.Destination{{Host: "a"}}},
			},
		})
		for _, p := range policies {
			b.RateLimit(p)
		}
		return testgateway.Built(t, b)
	}
	get := func(t *testing.T, gw *gateway.Gateway, path string, want ...int) {
		t.Helper()
		for _, code := range want {
			require.Equal(t, code, testgateway.Serve(gw, testhttp.Request(t, "GET", path)).Code)
		}
	}
	count := func() storeFunc {
		counts := map[string]int{}
		return func(ctx context.Context, r ratelimit.Request) (ratelimit.Response, error) {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return ratelimit.Response{}, ctx.Err()
			}
			if r.Domain == "default/refused" {
				return ratelimit.Response{}, ratelimit.InvalidRequest(errors.New("too long"))
			}
			counts[r.Domain]++
			over := counts[r.Domain] > r.Descriptors[0].Requests
			return ratelimit.Response{Over: over, Statuses: []ratelimit.Status{{Over: over}}}, nil
		}
	}
	synctest.Test(t, func(t *testing.T) {
		gw := build(t, count(), policy("short", "other", spec.GlobalRateLimit{Timeout: time.Millisecond}), policy("long", "rest", spec.GlobalRateLimit{Timeout: 200 * time.Millisecond}))
		get(t, gw, "/other", 200)
		get(t, gw, "/", 200, 200, 429)
		require.Len(t, gw.Limiters(), 1)
		require.True(t, gw.Limiters()[0].Failing)
	})
	synctest.Test(t, func(t *testing.T) {
		gw := build(t, count(), policy("refused", "other", spec.GlobalRateLimit{}), policy("counted", "rest", spec.GlobalRateLimit{}))
		get(t, gw, "/other", 200, 200, 200)
		get(t, gw, "/", 200, 200, 429)
		require.Equal(t, uint64(3), gw.Limiters()[0].Failures)
		require.False(t, gw.Limiters()[0].Failing)
	})
}

// What a failing limiter would not have to count is as ever.
func TestNothingToCountWithoutAStore(t *testing.T) {
	down := storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
		return ratelimit.Response{}, errors.New("down")
	})
	for _, row := range []struct {
		name  string
		tree  []spec.DescriptorLimit
		on    spec.StoreFailure
		steps string
	}{
		{"no limit and a shadow", []spec.DescriptorLimit{{Key: "a", Shadow: true, Limit: &spec.DescriptorRate{Requests: 1, Unit: time.Hour}}}, spec.StoreFailureDeny, "bob 200 200"},
		{"a ban", []spec.DescriptorLimit{{Key: "a", Limit: &spec.DescriptorRate{Requests: 9, Unit: time.Hour}}, {Key: "user", Value: "bob", Limit: &spec.DescriptorRate{Unit: time.Hour}}}, spec.StoreFailureAllow, "bob 429 429"},
		{"no ban", []spec.DescriptorLimit{{Key: "a", Limit: &spec.DescriptorRate{Requests: 9, Unit: time.Hour}}, {Key: "user", Value: "bob", Limit: &spec.DescriptorRate{Unit: time.Hour}}}, spec.StoreFailureAllow, "alice 200 200"},
		{"a share that takes years to refill", []spec.DescriptorLimit{{Key: "a", Limit: &spec.DescriptorRate{Requests: 1, Unit: 365 * 24 * time.Hour}}}, spec.StoreFailureLocal, "bob 200 429"},
	} {
		t.Run(row.name, func(t *testing.T) {
			play(t, sharedBy(t, down, spec.RateLimitPolicy{Name: "p", Descriptors: []spec.RateLimitDescriptor{fixed("a", "x"), user}, Global: &spec.GlobalRateLimit{
				Descriptors: row.tree, OnStoreFailure: row.on,
			}}, func(b *gateway.Builder) { b.Replicas(5) }), row.steps)
		})
	}
}

// All limits of a configuration count, however many different ones there are.
func TestManyRates(t *testing.T) {
	var tree []spec.DescriptorLimit
	for i := range 1500 {
		tree = append(tree, spec.DescriptorLimit{Key: "user", Value: fmt.Sprint("u", i), Limit: &spec.DescriptorRate{Requests: i + 1, Unit: time.Hour}})
	}
	gw := policied(t, spec.RateLimitPolicy{Descriptors: []spec.RateLimitDescriptor{user}, Global: &spec.GlobalRateLimit{Descriptors: tree}})
	for i := range 1499 {
		play(t, gw, fmt.Sprintf("u%d 200", i+1))
	}
	play(t, gw, "u0 200 429")
}
