package rls

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// requests is a script for a service. The values have a suffix, so that counts of
// different scripts stay apart; of values in the limits they have not.
func requests() []*ratelimitv3.RateLimitRequest {
	var all []*ratelimitv3.RateLimitRequest
	times := func(n int, q *ratelimitv3.RateLimitRequest) {
		for range n {
			all = append(all, q)
		}
	}
	times(4, ask("shop", d("user", "bob")))
	times(6, ask("shop", d("user", "alice")))
	times(2, ask("shop", d("user", "root")))
	times(2, ask("shop", d("user", "mallory")))
	times(3, ask("shop", d("shadow", "x")))
	times(3, ask("shop", d("user", "carol"), d("vip", "carol")))
	times(3, ask("shop", d("vip", "dan"), d("user", "dan"), d("user", "alice")))
	times(2, ask("shop", d("free", "1"), d("user", "bob")))
	times(3, ask("shop", d("user", "eve"), d("user", "alice"), d("path", "/x"), d("no", "limit")))
	times(3, ask("shop", d("path", "/files/a"), d("path", "/files/b")))
	times(3, ask("shop", d("path", "/files/a", "user", "bob")))
	times(1, ask("shop", d("path", "/files/a", "user", "bob", "zone", "z"), d("path", "/x", "user", "bob"), d("user", "bob", "path", "/x")))
	times(2, ask("shop", d("path", "/shared/a"), d("path", "/shared/b")))
	times(2, ask("shop", d("path", "/SHARED/a"), d("path", "/file")))
	times(2, ask("shop", d("us", "er_frank"), d("user", "")))
	times(2, ask("other", d("user", "bob")))
	times(2, withLimit(ask("other", d("user", "bob")), 1, typev3.RateLimitUnit_HOUR))
	times(3, withLimit(ask("shop", d("user", "root"), d("brand", "new")), 2, typev3.RateLimitUnit_DAY))
	times(2, withLimit(ask("shop", d("user", "grace")), 0, typev3.RateLimitUnit_MONTH))
	times(2, withLimit(ask("shop", d("user", "grace")), 1, typev3.RateLimitUnit_YEAR))
	times(2, withHits(ask("shop", d("user", "heidi")), 2))
	times(2, withHits(ask("shop", d("user", "ivan")), 9))
	times(2, withHits(ask("shop", d("user", "judy"), d("user", "alice")), 1, 0, 1))
	times(1, withHits(ask("shop", d("user", "judy")), 1, 0))
	times(2, withHits(ask("shop", d("user", "judy")), 5, 2))
	times(1, withHits(ask("shop", d("user", "judy")), 5, 0))
	times(2, ask("shop", d("user", "kim"), d("user", "kim"), d("user", "kim")))
	times(1, ask("shop", d()))
	return all
}

// randomRequests returns requests about few descriptors.
func randomRequests(n int, seed uint64) []*ratelimitv3.RateLimitRequest {
	r := rand.New(rand.NewPCG(seed, 1))
	keys := []string{"user", "path", "shadow", "vip", "free", "users", "use"}
	values := []string{"alice", "bob", "root", "mallory", "/files/a", "/files/", "/shared/1", "/shared/2", "/x", "", "r_alice", "a*", "/shared/*"}
	all := make([]*ratelimitv3.RateLimitRequest, n)
	for i := range all {
		var descriptors [][]string
		for range 1 + r.IntN(3) {
			var pairs []string
			for range 1 + r.IntN(2) {
				pairs = append(pairs, keys[r.IntN(len(keys))], values[r.IntN(len(values))])
			}
			descriptors = append(descriptors, pairs)
		}
		all[i] = ask("shop", descriptors...)
		all[i].HitsAddend = uint32(r.IntN(3))
	}
	return all
}

// A Server and the peer give the same answers.
func TestPeerAnswersTheSame(t *testing.T) {
	p := startPeer(t)
	conn, err := Dial(p.address, DialOptions{})
	require.NoError(t, err)
	defer conn.Close()
	requireRecovery(t, New(conn, Options{}))
	waitForRoom(t, time.Hour)
	ours := ratelimitv3.NewRateLimitServiceClient(connect(t, NewServer(newWindows(time.Now), parse(t, shopLimits), ServerOptions{})))
	theirs := ratelimitv3.NewRateLimitServiceClient(conn)
	counts := map[ratelimitv3.RateLimitResponse_Code]int{}
	for n, q := range append(requests(), randomRequests(2000, 7)...) {
		want, got := call(t, theirs, q), call(t, ours, q)
		counts[want.OverallCode]++
		require.True(t, proto.Equal(withoutTimes(t, want), withoutTimes(t, got)), "request %d: %v\nwant %v\ngot  %v", n, q, want, got)
	}
	require.Greater(t, counts[codeOK], 100)
	require.Greater(t, counts[codeOver], 100)
}

// With SHADOW_MODE too.
func TestPeerInShadowMode(t *testing.T) {
	p := startPeer(t, "SHADOW_MODE=true")
	conn, err := Dial(p.address, DialOptions{})
	require.NoError(t, err)
	defer conn.Close()
	requireRecovery(t, New(conn, Options{}))
	waitForRoom(t, time.Hour)
	s := NewServer(newWindows(time.Now), parse(t, shopLimits), ServerOptions{ShadowMode: true})
	ours, theirs := ratelimitv3.NewRateLimitServiceClient(connect(t, s)), ratelimitv3.NewRateLimitServiceClient(conn)
	for n, q := range requests() {
		want, got := call(t, theirs, q), call(t, ours, q)
		require.True(t, proto.Equal(withoutTimes(t, want), withoutTimes(t, got)), "request %d: %v\nwant %v\ngot  %v", n, q, want, got)
	}
}

// What the peer refuses, a Server refuses.
func TestPeerRefusesTheSame(t *testing.T) {
	p := startPeer(t)
	conn, err := Dial(p.address, DialOptions{})
	require.NoError(t, err)
	defer conn.Close()
	requireRecovery(t, New(conn, Options{}))
	s, _ := server(t, ServerOptions{})
	for _, c := range []grpc.ClientConnInterface{conn, connect(t, s)} {
		for _, q := range []*ratelimitv3.RateLimitRequest{{}, ask("", d("user", "bob")), ask("shop")} {
			_, err := ratelimitv3.NewRateLimitServiceClient(c).ShouldRateLimit(context.Background(), q)
			require.ErrorContains(t, err, "must not be empty")
		}
	}
}

func call(t testing.TB, c ratelimitv3.RateLimitServiceClient, q *ratelimitv3.RateLimitRequest) *ratelimitv3.RateLimitResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := c.ShouldRateLimit(ctx, q)
	require.NoError(t, err, "%v", q)
	return r
}

// withoutTimes returns an answer without the times until the reset, after it has
// checked that they are there.
func withoutTimes(t testing.TB, r *ratelimitv3.RateLimitResponse) *ratelimitv3.RateLimitResponse {
	t.Helper()
	r = proto.Clone(r).(*ratelimitv3.RateLimitResponse)
	for _, s := range r.Statuses {
		require.Equal(t, s.CurrentLimit != nil, s.DurationUntilReset != nil)
		if s.DurationUntilReset != nil {
			require.Positive(t, s.DurationUntilReset.Seconds)
			require.Zero(t, s.DurationUntilReset.Nanos)
			s.DurationUntilReset = nil
		}
	}
	return r
}
