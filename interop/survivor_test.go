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
// fails, and none waits until the backend returns.
func TestKilledBackend(t *testing.T) {
	skipShort(t)
	const kills = 8
	for name, transport := range transports {
		for _, path := range []string{"/", "/work"} {
			t.Run(name+path, func(t *testing.T) {
				backends := []*process{startProcess(t, childServes), startProcess(t, childServes)}
				clients := startLoad(t, to(t, transport, nil, backends...), path, 16, 4*time.Millisecond)
				clients.take(100 * time.Millisecond)
				var quiet, killing window
				for i := range kills {
					quiet.add(clients.take(200 * time.Millisecond))
					b := backends[i%2]
					b.kill()
					killing.add(clients.take(200 * time.Millisecond))
					// The first answer of a client may be to a request from before the kill.
					clients.progress(t, 2)
					killing.add(clients.take(0))
					b.start()
					clients.take(50 * time.Millisecond)
				}
				clients.end()
				t.Logf("quiet: %v", &quiet)
				t.Logf("killing: %v", &killing)
				require.Zero(t, quiet.failures())
				require.Zero(t, killing.failures())
			})
		}
	}
}

// One of two backends resets connections. No failure reaches a client whose
// route retries resets. Under the default policy every request gets a success
// or a failure.
func TestResettingBackend(t *testing.T) {
	skipShort(t)
	for name, transport := range transports {
		for policy, retry := range map[string]*spec.Retry{"default policy": nil, "retries": {Attempts: 2, On: []string{"reset"}}} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				backends := []*process{startProcess(t, childServes), startProcess(t, childResets)}
				address := to(t, transport, func(r *spec.Route) { r.Retry = retry }, backends...)
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
				backends[1].signal(syscall.SIGSTOP)
				seen := clients.take(time.Second)
				// Every request has its answer before the backend goes on.
				clients.progress(t, 2)
				clients.end()
				seen.add(clients.take(0))
				backends[1].signal(syscall.SIGCONT)
				t.Logf("%v", &seen)
				require.Zero(t, seen.broken)
				if policy == "per-try timeout" {
					require.Zero(t, seen.failures())
				}
				for status := range seen.statuses {
					require.Equal(t, http.StatusGatewayTimeout, status)
				}
			})
		}
	}
}
