package balance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newRandom returns a source of randomness that is the same in each run.
func newRandom() func() uint64 { return rand.New(rand.NewPCG(1, 2)).Uint64 }

// epoch is the time at which tests begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// weighted returns hosts with weights.
func weighted(weights ...uint32) []Host {
	hosts := make([]Host, len(weights))
	for i, w := range weights {
		hosts[i] = Host{Address: fmt.Sprintf("10.0.%d.%d:8080", i/256, i%256), Weight: w, State: new(State)}
	}
	return hosts
}

// even returns n hosts of equal weight.
func even(n int) []Host { return weighted(make([]uint32, n)...) }

// placed returns hosts in localities, several of which are written "r1/z1 *3".
func placed(localities ...string) []Host {
	var hosts []Host
	for _, l := range localities {
		n := 1
		l, times, many := strings.Cut(l, " *")
		if many {
			fmt.Sscan(times, &n)
		}
		for range n {
			hosts = append(hosts, Host{Locality: ParseLocality(l)})
		}
	}
	for i := range hosts {
		hosts[i].Address, hosts[i].State = fmt.Sprintf("10.0.%d.%d:8080", i/256, i%256), new(State)
	}
	return hosts
}

// eject ejects hosts, without an update.
func eject(hosts []Host, indices ...int) {
	for _, i := range indices {
		hosts[i].State.Ejected.Store(true)
	}
}

// counts returns how often each host is picked out of n times, for random keys
// if the policy hashes. The last number is how often there was none.
func counts(b *Balancer, n int) []int {
	all := make([]int, len(b.hosts)+1)
	for range n {
		i := b.Pick(Request{})
		if i < 0 {
			i = len(b.hosts)
		}
		all[i]++
	}
	return all
}

// shares are counts in percent, without the times without a host.
func shares(b *Balancer, n int) []float64 {
	all := make([]float64, len(b.hosts))
	for i, count := range counts(b, n)[:len(b.hosts)] {
		all[i] = 100 * float64(count) / float64(n)
	}
	return all
}

// policies are all policies.
var policies = map[string]Policy{
	"LeastRequest": LeastRequest, "RoundRobin": RoundRobin, "Random": Random, "RingHash": RingHash, "Maglev": Maglev,
}

// each runs test with each policy.
func each(t *testing.T, test func(t *testing.T, p Policy)) {
	for name, p := range policies {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}
