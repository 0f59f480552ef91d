package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestSharableLimits(t *testing.T) {
	policy := func(l spec.RateLimit) spec.Declarations {
		return spec.Declarations{RateLimits: []spec.RateLimitPolicy{{}, {Limits: []spec.RateLimit{{}, l}}}}
	}
	route := func(l spec.RateLimit) spec.Declarations {
		return spec.Declarations{VirtualServices: []spec.VirtualService{{}, {Routes: []spec.Route{{}, {RateLimits: []spec.RateLimit{l}}}}}}
	}
	global := func(provider string) spec.Declarations {
		return spec.Declarations{RateLimits: []spec.RateLimitPolicy{{Global: &spec.GlobalRateLimit{Provider: provider}}}}
	}
	disabled := policy(spec.RateLimit{Provider: spec.DefaultProvider})
	disabled.RateLimits[1].Mode = spec.LimitDisabled
	for _, row := range []struct {
		name     string
		declared spec.Declarations
		want     bool
	}{
		{"nothing", spec.Declarations{}, false},
		{"a policy", policy(spec.RateLimit{Provider: spec.DefaultProvider}), true},
		{"a route", route(spec.RateLimit{Provider: spec.DefaultProvider}), true},
		{"a tree of limits", global(""), true},
		{"a tree of limits of another limiter", global("redis"), false},
		{"buckets", spec.Declarations{RateLimits: []spec.RateLimitPolicy{{Local: &spec.LocalRateLimit{}}}}, false},
		{"a shadow", policy(spec.RateLimit{Provider: spec.DefaultProvider, Mode: spec.LimitShadow}), true},
		{"a limit of one process", policy(spec.RateLimit{}), false},
		{"another limiter", route(spec.RateLimit{Provider: "redis"}), false},
		{"a disabled limit", route(spec.RateLimit{Provider: spec.DefaultProvider, Mode: spec.LimitDisabled}), false},
		{"a disabled policy", disabled, false},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, sharable(&row.declared)) })
	}
}

func TestServeTellsThatLimitsAreNotShared(t *testing.T) {
	const told = "warning: rate limits are counted in this process only: with --redis or --rate-limit-service all replicas count them together\n"
	for file, want := range map[string]int{"product.yaml": 1, "../../../examples/yamltest/shop.yaml": 0} {
		s := serve(t, "-f", file, "--listen", "80=127.0.0.1:0")
		s.signal(syscall.SIGTERM)
		require.Zero(t, s.exit())
		require.Equal(t, want, strings.Count(s.stderr.String(), told), file)
	}
}
