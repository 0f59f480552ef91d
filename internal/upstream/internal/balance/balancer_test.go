package balance

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever choices and changes coincide, a host is chosen while one is healthy.
func TestConcurrent(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		hosts := placed("r1/z1 *5", "r2 *5")
		config := Config{Policy: p, TableSize: 101, Locality: near, Warmup: &Warmup{Duration: time.Hour, MinimumPercent: 50}}
		var current atomic.Pointer[Balancer]
		current.Store(New(config, hosts))
		var picking, changing sync.WaitGroup
		var stop atomic.Bool
		for range 3 {
			picking.Go(func() {
				for !stop.Load() {
					// The last one is never ejected.
					i := current.Load().Pick(Request{Hash: rand.Uint64(), Hashed: true, Tried: []*State{hosts[0].State}})
					if i < 0 {
						t.Error("no host")
						return
					}
					hosts[i].State.Active.Add(1)
					hosts[i].State.Active.Add(-1)
				}
			})
		}
		updates := 300
		if testing.Short() {
			updates = 90
		}
		changing.Go(func() {
			for i := range updates {
				state := hosts[i%9].State
				state.Ejected.Store(!state.Ejected.Load())
				current.Load().Update()
			}
		})
		changing.Go(func() {
			for range updates / 3 {
				current.Store(New(config, hosts))
				current.Load().Update()
			}
		})
		changing.Wait()
		stop.Store(true)
		picking.Wait()

		// The last update has seen all ejections.
		healthy := 0
		for _, l := range current.Load().view.Load().levels {
			for _, g := range l.groups {
				healthy += len(g.members)
			}
		}
		for i := range hosts {
			if hosts[i].State.Ejected.Load() {
				healthy++
			}
		}
		require.Equal(t, len(hosts), healthy)
		for i := range hosts {
			require.Zero(t, hosts[i].State.Active.Load())
		}
	})
}

func TestPickAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		for name, hosts := range map[string][]Host{"even": even(100), "few": weighted(1, 2, 3), "many": weighted(append(make([]uint32, 50), 7)...), "places": placed("r1/z1 *3", "r1/z1/s *2", "r2")} {
			for i := range hosts {
				hosts[i].Added = epoch
			}
			eject(hosts, 1)
			for _, warmup := range []*Warmup{nil, {Duration: time.Minute}} {
				b := New(Config{Policy: p, Locality: near, Warmup: warmup, Now: func() time.Time { return epoch }}, hosts)
				tried := []*State{hosts[0].State}
				require.Zero(t, testing.AllocsPerRun(100, func() {
					b.Pick(Request{Hash: 1, Hashed: true})
					b.Pick(Request{Tried: tried})
				}), name)
			}
		}
	})
}

func BenchmarkPick(b *testing.B) {
	for _, row := range []struct {
		name  string
		hosts []Host
	}{
		{"even=4", even(4)},
		{"weighted=4", weighted(1, 2, 3, 4)},
		{"even=1000", even(1000)},
		{"weighted=1000", weighted(append(make([]uint32, 999), 5)...)},
	} {
		for _, name := range []string{"LeastRequest", "RoundRobin", "Random", "RingHash", "Maglev"} {
			b.Run(fmt.Sprintf("%s/%s", name, row.name), func(b *testing.B) {
				balancer := New(Config{Policy: policies[name]}, row.hosts)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for h := rand.Uint64(); pb.Next(); h += golden {
						balancer.Pick(Request{Hash: h, Hashed: true})
					}
				})
			})
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{10, 1000} {
		for _, name := range []string{"LeastRequest", "RoundRobin", "Maglev"} {
			b.Run(fmt.Sprintf("%s/hosts=%d", name, n), func(b *testing.B) {
				balancer := New(Config{Policy: policies[name]}, weighted(append(make([]uint32, n-1), 2)...))
				b.ReportAllocs()
				for b.Loop() {
					balancer.Update()
				}
			})
		}
	}
}
