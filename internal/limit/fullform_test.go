package limit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// policied is a gateway with one route and policies for it.
func policied(t *testing.T, policies ...spec.RateLimitPolicy) *gateway.Gateway {
	t.Helper()
	b := gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK)
	for _, p := range policies {
		b.RateLimit(p)
	}
	return testgateway.Built(t, b)
}

// user is a descriptor with the header x-user.
var user = spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{{Kind: spec.ActionRequestHeader, Name: "x-user", Key: "user"}}}

// fixed is a descriptor with one fixed entry.
func fixed(key, value string) spec.RateLimitDescriptor {
	return spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{{Key: key, Value: value}}}
}

func bucket(tokens, perFill int, interval time.Duration) spec.TokenBucket {
	return spec.TokenBucket{MaxTokens: tokens, TokensPerFill: perFill, FillInterval: interval}
}

func entries(pairs ...string) (out []spec.DescriptorEntry) {
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		out = append(out, spec.DescriptorEntry{Key: key, Value: value})
	}
	return out
}

// A step sends requests, or waits. It is written as "alice 200 200 429" for requests with
// x-user alice, "- 200" for requests without, and "+1s" for a wait.
func play(t *testing.T, h http.Handler, steps ...string) {
	t.Helper()
	for i, step := range steps {
		if wait, ok := strings.CutPrefix(step, "+"); ok {
			d, err := time.ParseDuration(wait)
			require.NoError(t, err)
			time.Sleep(d)
			continue
		}
		words := strings.Fields(step)
		for _, want := range words[1:] {
			r := testhttp.Request(t, "GET", "/")
			if words[0] != "-" {
				r.Header.Set("X-User", words[0])
			}
			require.Equal(t, want, fmt.Sprint(testgateway.Serve(h, r).Code), "step %d: %s", i, step)
		}
	}
}

// Envoy's local rate limit filter.
func TestLocalLimits(t *testing.T) {
	slow, fast := bucket(1, 1, time.Hour), bucket(3, 3, time.Second)
	local := func(l spec.LocalRateLimit, d ...spec.RateLimitDescriptor) spec.RateLimitPolicy {
		return spec.RateLimitPolicy{Descriptors: d, Local: &l}
	}
	for _, row := range []struct {
		name   string
		policy spec.RateLimitPolicy
		steps  []string
	}{
		{"a bucket starts full and refills evenly", local(spec.LocalRateLimit{Bucket: &spec.TokenBucket{MaxTokens: 2, FillInterval: time.Second}}),
			[]string{"- 200 200 429", "+500ms", "- 429", "+500ms", "- 200 429", "+10s", "- 200 200 429"}},
		{"tokens come one by one within an interval", local(spec.LocalRateLimit{Bucket: &spec.TokenBucket{MaxTokens: 10, TokensPerFill: 10, FillInterval: time.Second}}),
			[]string{"- 200 200 200 200 200 200 200 200 200 200 429", "+100ms", "- 200 429", "+300ms", "- 200 200 200 429"}},
		{"one bucket for each value", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("user"), Bucket: slow}}}, user),
			[]string{"alice 200 429", "bob 200 429", "- 200 200"}},
		{"a value of its own comes first", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{
			{Entries: entries("user"), Bucket: slow}, {Entries: entries("user=bob"), Bucket: bucket(2, 1, time.Hour)},
		}}, user), []string{"alice 200 429", "bob 200 200 429"}},
		{"keys in another order are another descriptor", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("user", "a"), Bucket: slow}}},
			spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{{Key: "a", Value: "b"}, user.Actions[0]}}), []string{"alice 200 200"}},
		{"more entries are another descriptor", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("user"), Bucket: slow}}},
			spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{user.Actions[0], {Key: "a", Value: "b"}}}), []string{"alice 200 200"}},
		{"the bucket for all counts too", local(spec.LocalRateLimit{Bucket: &fast, Descriptors: []spec.LocalDescriptor{{Entries: entries("user"), Bucket: bucket(2, 1, time.Hour)}}}, user),
			[]string{"alice 200 200 429", "bob 200 429", "- 429"}},
		{"the bucket for all does not count what has a bucket", local(spec.LocalRateLimit{Bucket: &slow, BucketUnmatchedOnly: true, Descriptors: []spec.LocalDescriptor{{Entries: entries("user"), Bucket: bucket(2, 1, time.Hour)}}}, user),
			[]string{"alice 200 200 429", "- 200 429", "bob 200 200 429"}},
		{"what one bucket gave is not given back", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{
			{Entries: entries("slow=x"), Bucket: bucket(3, 1, time.Hour)}, {Entries: entries("fast=x"), Bucket: bucket(1, 1, time.Minute)},
		}}, fixed("fast", "x"), fixed("slow", "x")), []string{"- 200 429 429", "+1m", "- 429"}},
		{"two descriptors take twice", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("a=b"), Bucket: bucket(4, 1, time.Hour)}}}, fixed("a", "b"), fixed("a", "b")),
			[]string{"- 200 200 429"}},
		{"a request with a cost", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("user"), Bucket: bucket(5, 1, time.Hour)}}},
			spec.RateLimitDescriptor{Actions: user.Actions, Hits: 2}), []string{"alice 200 200 429"}},
		{"shadow", spec.RateLimitPolicy{Mode: spec.LimitShadow, Local: &spec.LocalRateLimit{Bucket: &slow}}, []string{"- 200 200"}},
		{"disabled", spec.RateLimitPolicy{Mode: spec.LimitDisabled, Local: &spec.LocalRateLimit{Bucket: &slow}}, []string{"- 200 200"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, policied(t, row.policy), row.steps...) })
		})
	}
}

func TestLocalLimitsPerConnection(t *testing.T) {
	slow := bucket(1, 1, time.Hour)
	gw := policied(t, spec.RateLimitPolicy{Local: &spec.LocalRateLimit{Bucket: &slow, PerConnection: true}})
	for _, address := range []string{"192.0.2.1:1000", "192.0.2.1:1001"} {
		require.Equal(t, 200, testgateway.Serve(gw, testhttp.From(address)).Code)
		require.Equal(t, 429, testgateway.Serve(gw, testhttp.From(address)).Code)
	}
}

// The answer is that of Envoy's local rate limit filter, or of its rate limit filter.
func TestAnswersOfTheFullForm(t *testing.T) {
	slow := bucket(1, 1, time.Minute)
	global := &spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{
		{Key: "a", Limit: &spec.DescriptorRate{Requests: 1, Unit: time.Minute, Name: "first"}},
		{Key: "b", Limit: &spec.DescriptorRate{Requests: 5, Unit: time.Hour}},
	}}
	both := []spec.RateLimitDescriptor{fixed("a", "x"), fixed("b", "x")}
	draft := &spec.LimitResponse{RateLimitHeaders: spec.RateLimitHeadersDraft03}
	own := &spec.LimitResponse{Status: 503, Body: `{"a":1}`, ContentType: "application/json", Headers: map[string]string{"x-a": "b"}, AddHeaders: map[string]string{"x-c": "d"}}
	for _, row := range []struct {
		name   string
		policy spec.RateLimitPolicy
		want   []string
	}{
		{"local", spec.RateLimitPolicy{Local: &spec.LocalRateLimit{Bucket: &slow}}, []string{"200", `429 local_rate_limited content-type=text/plain retry-after=60`}},
		{"local with headers", spec.RateLimitPolicy{Local: &spec.LocalRateLimit{Bucket: &slow}, Response: draft}, []string{
			"200 x-ratelimit-limit=1 x-ratelimit-remaining=0 x-ratelimit-reset=60",
			"429 local_rate_limited content-type=text/plain retry-after=60 x-ratelimit-limit=1 x-ratelimit-remaining=0 x-ratelimit-reset=60"}},
		{"global", spec.RateLimitPolicy{Descriptors: both, Global: global}, []string{"200", "429 retry-after=60 x-envoy-ratelimited=true"}},
		{"global with headers", spec.RateLimitPolicy{Descriptors: both, Global: global, Response: draft}, []string{
			`200 x-ratelimit-limit=1, 1;w=60;name="first", 5;w=3600 x-ratelimit-remaining=0 x-ratelimit-reset=60`,
			`429 retry-after=60 x-envoy-ratelimited=true x-ratelimit-limit=1, 1;w=60;name="first", 5;w=3600 x-ratelimit-remaining=0 x-ratelimit-reset=60`}},
		{"an answer of its own", spec.RateLimitPolicy{Descriptors: both, Global: global, Response: own}, []string{
			"200", `503 {"a":1} content-type=application/json retry-after=60 x-a=b x-c=d x-envoy-ratelimited=true`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := policied(t, row.policy)
				for i, want := range row.want {
					w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
					got := strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body))
					for _, name := range []string{"Content-Type", "Retry-After", "X-A", "X-C", "X-Envoy-Ratelimited", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
						if value := w.Header().Get(name); value != "" {
							got += " " + strings.ToLower(name) + "=" + value
						}
					}
					require.Equal(t, want, got, "request %d", i)
				}
			})
		})
	}
}

// The tree of limits of envoyproxy/ratelimit, counted in this process.
func TestGlobalLimits(t *testing.T) {
	const hour = time.Hour
	rate := func(n int) *spec.DescriptorRate { return &spec.DescriptorRate{Requests: n, Unit: hour} }
	global := func(tree []spec.DescriptorLimit, d ...spec.RateLimitDescriptor) spec.RateLimitPolicy {
		return spec.RateLimitPolicy{Descriptors: d, Global: &spec.GlobalRateLimit{Descriptors: tree}}
	}
	tree := func(d ...spec.DescriptorLimit) []spec.DescriptorLimit { return d }
	for _, row := range []struct {
		name   string
		policy spec.RateLimitPolicy
		steps  []string
	}{
		{"each value apart", global(tree(spec.DescriptorLimit{Key: "user", Limit: rate(1)}), user), []string{"alice 200 429", "bob 200 429", "- 200 200"}},
		{"a value of its own", global(tree(spec.DescriptorLimit{Key: "user", Limit: rate(1)}, spec.DescriptorLimit{Key: "user", Value: "bob", Limit: rate(2)}), user),
			[]string{"alice 200 429", "bob 200 200 429"}},
		{"a pattern counts each value apart", global(tree(spec.DescriptorLimit{Key: "user", Value: "a*", Limit: rate(1)}), user), []string{"alice 200 429", "anna 200 429", "bob 200 200"}},
		{"a pattern that shares", global(tree(spec.DescriptorLimit{Key: "user", Value: "a*", Limit: rate(1), ShareThreshold: true}), user), []string{"alice 200", "anna 429", "bob 200 200"}},
		{"the limit must be at the last entry", global(tree(spec.DescriptorLimit{Key: "user", Limit: rate(1)}),
			spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{user.Actions[0], {Key: "a", Value: "b"}}}), []string{"alice 200 200"}},
		{"nested", global(tree(spec.DescriptorLimit{Key: "a", Value: "b", Descriptors: tree(spec.DescriptorLimit{Key: "user", Limit: rate(1)})}),
			spec.RateLimitDescriptor{Actions: []spec.RateLimitAction{{Key: "a", Value: "b"}, user.Actions[0]}}), []string{"alice 200 429", "bob 200 429"}},
		{"all descriptors are counted", global(tree(spec.DescriptorLimit{Key: "a", Limit: rate(1)}, spec.DescriptorLimit{Key: "user", Limit: rate(2)}), fixed("a", "x"), user),
			[]string{"alice 200 429 429", "bob 429"}},
		{"unlimited", global(tree(spec.DescriptorLimit{Key: "user", Value: "bob", Limit: &spec.DescriptorRate{Unlimited: true}}, spec.DescriptorLimit{Key: "user", Limit: rate(1)}), user),
			[]string{"bob 200 200 200", "alice 200 429"}},
		{"nothing is allowed", global(tree(spec.DescriptorLimit{Key: "user", Value: "bob", Limit: rate(0)}), user), []string{"bob 429 429", "alice 200"}},
		{"shadow", global(tree(spec.DescriptorLimit{Key: "user", Limit: rate(1), Shadow: true}), user), []string{"alice 200 200 200"}},
		{"a limit replaces another", global(tree(
			spec.DescriptorLimit{Key: "a", Limit: &spec.DescriptorRate{Requests: 1, Unit: hour, Name: "all"}},
			spec.DescriptorLimit{Key: "user", Value: "bob", Limit: &spec.DescriptorRate{Requests: 2, Unit: hour, Replaces: []string{"all"}}},
		), fixed("a", "x"), user), []string{"bob 200 200 429", "- 200 429"}},
		{"the largest weight", global(tree(spec.DescriptorLimit{Key: "a", Limit: rate(1)}, spec.DescriptorLimit{Key: "user", Weight: 1, Limit: rate(2)}), fixed("a", "x"), user),
			[]string{"bob 200 200 429", "- 200 429"}},
		{"always beside the largest weight", global(tree(
			spec.DescriptorLimit{Key: "a", AlwaysApply: true, Limit: rate(3)}, spec.DescriptorLimit{Key: "user", Weight: 1, Limit: rate(2)}), fixed("a", "x"), user),
			[]string{"bob 200 200 429", "alice 429"}},
		{"a cost", global(tree(spec.DescriptorLimit{Key: "user", Limit: rate(5)}), spec.RateLimitDescriptor{Actions: user.Actions, Hits: 2}), []string{"alice 200 200 429"}},
		{"evenly", global(tree(spec.DescriptorLimit{Key: "user", Limit: rate(2)}), user), []string{"alice 200 200 429", "+30m", "alice 200 429"}},
		{"in fixed windows", spec.RateLimitPolicy{Descriptors: []spec.RateLimitDescriptor{user}, Global: &spec.GlobalRateLimit{
			Algorithm: spec.LimitFixedWindow, Descriptors: tree(spec.DescriptorLimit{Key: "user", Limit: rate(2)})}},
			[]string{"+50m", "alice 200 200 429", "+9m", "alice 429", "+1m", "alice 200 200 429"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, policied(t, row.policy), row.steps...) })
		})
	}
}

// Policies with the same domain share counters, and so does the next configuration.
func TestDomainsShareCounters(t *testing.T) {
	policy := func(name, domain string, requests int) spec.RateLimitPolicy {
		return spec.RateLimitPolicy{Name: name, Descriptors: []spec.RateLimitDescriptor{user}, Global: &spec.GlobalRateLimit{Domain: domain, Descriptors: []spec.DescriptorLimit{
			{Key: "user", Limit: &spec.DescriptorRate{Requests: requests, Unit: time.Hour}},
		}}}
	}
	play(t, policied(t, policy("p", "shop", 2), policy("q", "shop", 2)), "alice 200 429")
	play(t, policied(t, policy("p", "shop", 2), policy("q", "store", 2)), "alice 200 200 429")
	play(t, policied(t, policy("p", "", 2), policy("q", "", 2)), "alice 200 200 429")

	gw := policied(t, policy("p", "shop", 2))
	play(t, gw, "alice 200")
	next := gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK)
	require.NoError(t, gw.Replace(next.RateLimit(policy("another", "shop", 2))))
	play(t, gw, "alice 200 429")
}

// Headers of local limits tell about the bucket that refuses, and otherwise about the one
// that refills slowest; the reset is the time to the next token.
func TestHeadersOfLocalLimits(t *testing.T) {
	draft := &spec.LimitResponse{RateLimitHeaders: spec.RateLimitHeadersDraft03}
	all := bucket(3, 3, time.Second)
	for _, row := range []struct {
		name  string
		local spec.LocalRateLimit
		want  []string
	}{
		{"two descriptors", spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{
			{Entries: entries("x=a"), Bucket: bucket(2, 1, 10*time.Minute)}, {Entries: entries("y=a"), Bucket: bucket(1, 1, time.Minute)},
		}}, []string{"200 limit=2 remaining=1 reset=0", "429 limit=1 remaining=0 reset=60"}},
		{"a descriptor and the bucket for all", spec.LocalRateLimit{Bucket: &all, Descriptors: []spec.LocalDescriptor{{Entries: entries("x=a"), Bucket: bucket(100, 1, 6*time.Second)}}},
			[]string{"200 limit=100 remaining=99 reset=0", "200 limit=100 remaining=98 reset=0", "200 limit=100 remaining=97 reset=0", "429 limit=3 remaining=0 reset=1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := policied(t, spec.RateLimitPolicy{Descriptors: []spec.RateLimitDescriptor{fixed("x", "a"), fixed("y", "a")}, Local: &row.local, Response: draft})
				for i, want := range row.want {
					w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
					h := w.Header()
					require.Equal(t, want, fmt.Sprintf("%d limit=%s remaining=%s reset=%s", w.Code, h.Get("X-Ratelimit-Limit"), h.Get("X-Ratelimit-Remaining"), h.Get("X-Ratelimit-Reset")), "request %d", i)
				}
			})
		})
	}
}

// Retry-After is the time until all limits allow a request with its cost.
func TestRetryAfterOfCostlyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		costly := user
		costly.Hits = 10
		gw := policied(t, spec.RateLimitPolicy{Descriptors: []spec.RateLimitDescriptor{costly, fixed("y", "a")}, Local: &spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{
			{Entries: entries("user"), Bucket: bucket(10, 10, 10*time.Minute)}, {Entries: entries("y=a"), Bucket: bucket(1, 1, 5*time.Minute)},
		}}})
		for i, want := range []string{"200 ", "429 600"} {
			w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/", "x-user: bob"))
			require.Equal(t, want, fmt.Sprint(w.Code, " ", w.Header().Get("Retry-After")), "request %d", i)
		}
	})
}

// An EnvoyFilter and a RateLimitConfig with the same name have buckets of their own.
func TestPoliciesOfTheSameName(t *testing.T) {
	four := bucket(4, 4, time.Minute)
	var policies []spec.RateLimitPolicy
	for _, kind := range []string{"EnvoyFilter", "RateLimitConfig"} {
		policies = append(policies, spec.RateLimitPolicy{Name: "limits", Local: &spec.LocalRateLimit{Bucket: &four}, Origin: spec.Origin{Kind: kind, Namespace: "default", Name: "limits"}})
	}
	play(t, policied(t, policies...), "- 200 200 200 200 429")
}
