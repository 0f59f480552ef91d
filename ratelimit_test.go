package gateway

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

func TestInvalidPoliciesAlone(t *testing.T) {
	rate := []spec.RateLimit{{Requests: 1, Unit: time.Second, Provider: "redis"}}
	descriptors := []spec.RateLimitDescriptor{{Actions: []spec.RateLimitAction{{Value: "v"}}}}
	for _, row := range []struct {
		policy spec.RateLimitPolicy
		want   []string
	}{
		{spec.RateLimitPolicy{}, []string{"Limits: the policy has no limit: limits, local or global is expected"}},
		{spec.RateLimitPolicy{Limits: rate}, []string{`Limits[0].Provider: a limit with the provider "redis" needs a Gateway: the limiter of a middleware is "default"`}},
		{spec.RateLimitPolicy{Descriptors: descriptors, Global: &spec.GlobalRateLimit{Provider: "redis"}},
			[]string{`Global.Provider: a limit with the provider "redis" needs a Gateway: the limiter of a middleware is "default"`}},
		{spec.RateLimitPolicy{Limits: []spec.RateLimit{{Requests: 1, Unit: time.Second}}, VirtualHosts: []string{"a:80"}, Selector: map[string]string{"a": "b"}, Targets: []spec.TargetRef{{Kind: "Gateway", Name: "gw"}}}, []string{
			"Targets: a policy around a handler has no target: it applies to all requests",
			"VirtualHosts: a policy around a handler has no target: it applies to all requests",
			"Selector: a policy around a handler has no target: it applies to all requests"}},
	} {
		row.policy.Name = "p"
		_, err := RateLimitPolicy(row.policy, nil)
		var got []string
		for e := range spec.Errors(err) {
			require.Equal(t, "ratelimit_test.go", e.File)
			got = append(got, e.Field+": "+e.Problem)
		}
		require.Equal(t, row.want, got)
	}
}

func TestRateLimitPolicyAlone(t *testing.T) {
	perUser := spec.RateLimitPolicy{
		Name: "p", Descriptors: []spec.RateLimitDescriptor{{Actions: []spec.RateLimitAction{{Kind: spec.ActionRequestHeader, Name: "x-user", Key: "user"}}}},
		Global: &spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{{Key: "user", Limit: &spec.DescriptorRate{Requests: 1, Unit: time.Hour}}}},
	}
	limit, err := RateLimitPolicy(perUser, nil)
	require.NoError(t, err)
	h := limit(testhttp.Saying("app"))
	for i, want := range []int{200, 429, 200} {
		require.Equal(t, want, testhttp.Recorded(h, testhttp.From(testhttp.Client, "X-User", []string{"alice", "alice", "bob"}[i])).Code)
	}

	var asked []ratelimit.Request
	limit, err = RateLimitPolicy(perUser, limiterFunc(func(r ratelimit.Request) (ratelimit.Response, error) {
		asked = append(asked, r)
		return ratelimit.Response{Over: true}, nil
	}))
	require.NoError(t, err)
	require.Equal(t, 429, testhttp.Recorded(limit(testhttp.Saying("app")), testhttp.From(testhttp.Client, "X-User", "alice")).Code)
	require.Equal(t, []ratelimit.Request{{Domain: "default/p", Hits: 1, Descriptors: []ratelimit.Descriptor{
		{Entries: []ratelimit.Entry{{Key: "user", Value: "alice"}}, Requests: 1, Unit: time.Hour},
	}}}, asked)
}

// A limiterFunc is a Limiter.
type limiterFunc func(ratelimit.Request) (ratelimit.Response, error)

func (f limiterFunc) Limit(_ context.Context, r ratelimit.Request) (ratelimit.Response, error) {
	return f(r)
}
