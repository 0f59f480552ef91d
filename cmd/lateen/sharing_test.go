package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServeFlagsOfSharing(t *testing.T) {
	t.Setenv(redisPassword, "secret")
	for _, tt := range []struct{ args, problem string }{
		{"--redis a:1 --rate-limit-service b:2", "--redis and --rate-limit-service are both given: limits are counted in one store\n"},
		{"--redis a:b", "lateen serve: --redis: the address is neither host:port nor a URL\n"},
		{"--redis :6379", "lateen serve: --redis: the address is neither host:port nor a URL\n"},
		{"--redis a:1/2", "lateen serve: --redis: the address is neither host:port nor a URL\n"},
		{"--redis=", "lateen serve: --redis: the address is neither host:port nor a URL\n"},
		{"--redis user:secret@a:1", "lateen serve: --redis: the address is neither host:port nor a URL\n"},
		{"--redis http://a", "lateen serve: --redis: URL of Redis: redis: invalid URL scheme: http\n"},
		{"--redis redis://a:x", "lateen serve: --redis: URL of Redis: invalid port \":x\" after host\n"},
		{"--redis redis://user:secret@a:1", "there is a password in the URL, and another one in LATEEN_REDIS_PASSWORD"},
		{"--redis redis+sentinel://a?master_name=shop&password=secret", "there is a password in the URL, and another one in LATEEN_REDIS_PASSWORD"},
		{"--redis redis+sentinel://user:secret@a", "the parameter master_name is missing"},
		{"--rate-limit-service a", "lateen serve: --rate-limit-service: \"a\" is not host:port\n"},
		{"--rate-limit-service https://a:1", "lateen serve: --rate-limit-service: the scheme is \"https\", and grpc, grpcs or unix is expected\n"},
		{"--rate-limit-service=", "lateen serve: --rate-limit-service: \"\" is not host:port\n"},
		{"--replicas 3", "--replicas is given and no store that they share: --redis or --rate-limit-service is expected\n"},
		{"--redis a:1 --replicas 0", "invalid value \"0\" for flag --replicas: a number from 1 is expected\n"},
		{"--redis a:1 --replicas many", "invalid value \"many\" for flag --replicas: a number from 1 is expected\n"},
	} {
		stdout, stderr, code := lateen(t, "", append([]string{"serve", "-f", "product.yaml"}, strings.Fields(tt.args)...)...)
		require.Equal(t, exitUsage, code, tt.args)
		require.Empty(t, stdout, tt.args)
		require.Contains(t, stderr, tt.problem, tt.args)
		require.NotContains(t, stderr, "secret", tt.args)
	}
}

// A store that is not there does not keep the gateway from serving.
func TestServeWithoutItsStore(t *testing.T) {
	config := limitedShop(t, "requestsPerUnit: 4, unit: DAY")
	nothing := "unix://" + filepath.Join(t.TempDir(), "none")
	for _, flag := range []string{"--redis", "--rate-limit-service"} {
		t.Run(flag, func(t *testing.T) {
			t.Setenv(redisPassword, "secret")
			s := serveShop(t, config, flag, nothing, "--replicas", "2")
			allowed, limited, failed := askShop(t, 10, s)
			require.Equal(t, []int{2, 8, 0}, []int{allowed, limited, failed}, "half of the limit is the share of one of two replicas")
			s.signal(syscall.SIGTERM)
			require.Zero(t, s.exit())
			require.Equal(t, 1, strings.Count(s.stderr.String(), "level=WARN msg=\"rate limiter failed\" provider=default"))
			require.NotContains(t, s.stderr.String(), "rate limits are counted in this process only")
			require.NotContains(t, s.stderr.String(), "secret")
		})
	}
}

// limitedShop writes a configuration with a limit for all clients together, and returns
// its path.
func limitedShop(t *testing.T, limit string) string {
	path := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  http:
  - route: [{destination: {host: shop}}]
---
apiVersion: networking.istio.io/v1alpha3
kind: RateLimitConfig
metadata: {name: all}
spec:
  targetRefs: [{kind: VirtualService, name: shop}]
  limits:
  - {`+limit+`}
`), 0o600))
	return path
}

// serveShop serves a configuration of limitedShop.
func serveShop(t *testing.T, config string, args ...string) *serving {
	return serve(t, append([]string{"-f", config, "--listen", "80=127.0.0.1:0", "--backend", "*=" + product(t, "shop")}, args...)...)
}

// askShop sends requests to gateways in turn, and counts those that were allowed, those
// over the limit, and those that nobody could decide about.
func askShop(t *testing.T, requests int, gateways ...*serving) (allowed, limited, failed int) {
	c := client(t)
	for i := range requests {
		response, err := c.Get("http://" + gateways[i%len(gateways)].addresses["80"] + "/")
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		switch response.StatusCode {
		case http.StatusOK:
			allowed++
		case http.StatusTooManyRequests:
			limited++
		default:
			require.Equal(t, http.StatusInternalServerError, response.StatusCode)
			failed++
		}
	}
	return allowed, limited, failed
}

// requireOneLimit fails if two gateways do not share the limit of 10 requests that the
// configuration of sharedShop has.
func requireOneLimit(t *testing.T, gateways ...*serving) {
	t.Helper()
	var allowed, limited, failed int
	// On a busy machine the store can miss its 20 ms. Then it may count the request all
	// the same, and it is not asked for a while.
	for end := time.Now().Add(patience); limited < 20 && time.Now().Before(end); {
		a, l, f := askShop(t, 10, gateways...)
		allowed, limited, failed = allowed+a, limited+l, failed+f
	}
	require.GreaterOrEqual(t, limited, 20)
	require.LessOrEqual(t, allowed, 10)
	require.GreaterOrEqual(t, allowed+failed, 10)
}

// sharedShop is a configuration for requireOneLimit. Where the store does not answer,
// the request gets 500.
func sharedShop(t *testing.T) string {
	return limitedShop(t, "requestsPerUnit: 10, unit: DAY, onStoreFailure: DENY")
}
