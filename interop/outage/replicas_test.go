package outage

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Three gateways, each with 64 connections, allow exactly the limit together.
func TestReplicasAllowExactlyTheLimit(t *testing.T) {
	for name, start := range stores {
		t.Run(name, func(t *testing.T) {
			const connections = 64
			s := start(t)
			wire := newWire(t, s)
			var gateways []*replica
			for range replicas {
				gateways = append(gateways, newReplica(t, s, s.connect(t, wire.address), patience))
			}
			var (
				all              sync.WaitGroup
				begin            = make(chan struct{})
				allowed, refused atomic.Int64
			)
			for _, r := range gateways {
				for range connections {
					all.Go(func() {
						<-begin
						for range 4 {
							switch r.get("X-Local", "everybody") {
							case http.StatusOK:
								allowed.Add(1)
							case http.StatusTooManyRequests:
								refused.Add(1)
							}
						}
					})
				}
			}
			close(begin)
			all.Wait()
			require.EqualValues(t, limit, allowed.Load())
			require.EqualValues(t, replicas*connections*4-limit, refused.Load())
			for _, r := range gateways {
				require.Empty(t, r.logged())
			}
			t.Logf("%d requests to the store over %d connections", wire.asked.Load(), wire.opened.Load())
		})
	}
}

// A store whose answers come byte by byte does not fail.
func TestTrickle(t *testing.T) {
	for name, start := range stores {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			wire := newWire(t, s)
			wire.begin(damageTrickle, "")
			r := newReplica(t, s, s.connect(t, wire.address), patience)
			seen := r.crowd(limit+10, "everybody")
			for header := range failureModes {
				require.Equal(t, map[int]int{http.StatusOK: limit, http.StatusTooManyRequests: 10}, seen[header])
			}
			require.Empty(t, r.logged())
		})
	}
}
