package upstream

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A timed resolver is a table whose answers are valid for a while.
type timed struct {
	table
	ttl time.Duration
}

func (r *timed) LookupTTL(ctx context.Context, network, name string) ([]netip.Addr, time.Duration, error) {
	found, err := r.table.LookupNetIP(ctx, network, name)
	return found, r.ttl, err
}

func (r *timed) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("its answers have a TTL")
}

// A name is looked up again when its answer is no longer valid.
func TestUntilNextLookup(t *testing.T) {
	const refresh = 7 * time.Second
	for _, row := range []struct {
		name   string
		ttl    time.Duration
		answer string
		want   time.Duration
	}{
		{"the TTL", 30 * time.Second, "10.0.0.1", 30 * time.Second},
		{"shorter than the interval", 2 * time.Second, "10.0.0.1", 2 * time.Second},
		{"less than DNS can say", time.Nanosecond, "10.0.0.1", time.Second},
		{"no TTL", 0, "10.0.0.1", refresh},
		{"less than none", -time.Second, "10.0.0.1", refresh},
		{"for ever", math.MaxInt64, "10.0.0.1", 7 * 24 * time.Hour},
		{"a failure", 30 * time.Second, "fail", refresh},
		{"no address", 30 * time.Second, "none", refresh},
		{"a name that there is not", 30 * time.Second, "unknown", refresh},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resolver := &timed{ttl: row.ttl}
				resolver.set("a.test", row.answer)
				newUpstream(t, Config{
					Resolution: DNS, Resolver: resolver, Refresh: refresh, Endpoints: []Endpoint{{Address: "a.test:80"}},
					Random: func() uint64 { return uint64(lookupJitter) + 1 },
				})
				synctest.Wait()
				require.Equal(t, 1, resolver.asked())
				time.Sleep(row.want)
				synctest.Wait()
				require.Equal(t, 1, resolver.asked(), "the wait ends a random time later")
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				require.Equal(t, 2, resolver.asked())
			})
		})
	}
}

// A lookup that takes too long fails, and Close ends an active one.
func TestLookupsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Resolver: hanging{}}
		start := time.Now()
		_, err := c.lookUp(t.Context(), "a.test")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, lookupTimeout, time.Since(start))

		u, err := New(Config{Resolution: DNS, Resolver: hanging{}, Endpoints: []Endpoint{{Address: "a.test:80"}}})
		require.NoError(t, err)
		start = time.Now()
		require.NoError(t, u.Close())
		require.Zero(t, time.Since(start))
	})
}

var _ Resolver = net.DefaultResolver
