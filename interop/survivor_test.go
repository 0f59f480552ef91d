package interop

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// One of two backends is killed eight times, and returns each time. No request
// fails, and none takes much longer than the others.
func TestKilledBackend(t *testing.T) {
	skipShort(t)
	const kills = 8
	for name, transport := range transports {
		for _, path := range []string{"/", "/work"} {
			t.Run(name+path, func(t *testing.T) {
				backends := []*process{startProcess(t, childServes), startProcess(t, childServes)}
				clients := startLoad(t, to(t, transport, nil, backends...), path, 16, 4*time.Millisecond)
				stalls := watchStalls(t)
				clients.take(100 * time.Millisecond)
				var quiet, killing window
				var stalled time.Duration
				for i := range kills {
					stalls.take()
					quiet.add(clients.take(200 * time.Millisecond))
					b := backends[i%2]
					stalls.take()
					b.kill()
					killing.add(clients.take(200 * time.Millisecond))
					stalled = max(stalled, stalls.take())
					b.start()
					clients.take(50 * time.Millisecond)
				}
				clients.end()
				t.Logf("quiet: %v", &quiet)
				t.Logf("killing: %v; the machine stalled for up to %v", &killing, stalled)
				require.Zero(t, quiet.failures())
				require.Zero(t, killing.failures())
				require.Less(t, killing.worst, quiet.worst+slack+stalled)
			})
		}
	}
}

// One of two backends resets connections. No failure reaches a client whose
// route retries resets. Under the default policy every request gets a success
// or a failure immediately.
func TestResettingBackend(t *testing.T) {
	skipShort(t)
	for name, transport := range transports {
		for policy, retry := range map[string]*spec.Retry{"default policy": nil, "retries": {Attempts: 2, On: []string{"reset"}}} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				backends := []*process{startProcess(t, childServes), startProcess(t, childResets)}
				address := to(t, transport, func(r *spec.Route) { r.Retry = retry }, backends...)
				stalls := watchStalls(t)
				clients := startLoad(t, address, "/", 16, 4*time.Millisecond)
				seen := clients.take(500 * time.Millisecond)
				clients.end()
				t.Logf("%v", &seen)
				require.Zero(t, seen.broken)
				if retry != nil {
					require.Zero(t, seen.failures())
				}
				for status := range seen.statuses {
					require.Equal(t, http.StatusServiceUnavailable, status)
				}
				require.Less(t, seen.worst, backoffs+slack+stalls.take())
			})
		}
	}
}

// One of two backends stops answering. Each request has its answer when its
// timeout has passed, and a retry after the timeout of a try reaches the other
// backend.
func TestHangingBackend(t *testing.T) {
	skipShort(t)
	const limit = 200 * time.Millisecond
	for name, transport := range transports {
		for policy, change := range map[string]func(*spec.Route){
			"route timeout": func(r *spec.Route) { r.Timeout = limit },
			"per-try timeout": func(r *spec.Route) {
				r.Retry = &spec.Retry{Attempts: 2, PerTryTimeout: limit, On: []string{"gateway-error", "connect-failure"}}
			},
		} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				backends := []*process{startProcess(t, childServes), startProcess(t, childServes)}
				clients := startLoad(t, to(t, transport, change, backends...), "/", 16, 4*time.Millisecond)
				before := clients.take(200 * time.Millisecond)
				require.Zero(t, before.failures(), "%v", &before)
				stalls := watchStalls(t)
				backends[1].signal(syscall.SIGSTOP)
				seen := clients.take(time.Second)
				stalled := stalls.take()
				backends[1].signal(syscall.SIGCONT)
				clients.end()
				t.Logf("%v; the machine stalled for up to %v", &seen, stalled)
				require.Zero(t, seen.broken)
				if policy == "per-try timeout" {
					require.Zero(t, seen.failures())
				}
				for status := range seen.statuses {
					require.Equal(t, http.StatusGatewayTimeout, status)
				}
				require.Less(t, seen.worst, limit+backoffs+slack+stalled)
			})
		}
	}
}
