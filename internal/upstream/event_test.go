package upstream

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// events collects what an Upstream reports.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (e *events) notify(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// taken returns the events since the last call.
func (e *events) taken() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() { e.all = nil }()
	return e.all
}

func TestEjectionsAreReported(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		fleet(t, &c, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		clock, seen := new(clock), new(events)
		ejecting(&c, clock)
		c.Notify = seen.notify
		u := newUpstream(t, c)
		send(u, get("/"))
		endpoint := u.Hosts()[0].Address
		require.Equal(t, []Event{{Kind: EventEjected, Endpoint: endpoint}}, seen.taken())
		require.True(t, u.Hosts()[0].Ejected)
		require.Equal(t, uint64(1), u.Ejections())
		clock.advance(time.Minute)
		require.False(t, u.Hosts()[0].Ejected)
		require.Equal(t, []Event{{Kind: EventReturned, Endpoint: endpoint}}, seen.taken())
		require.Equal(t, uint64(1), u.Ejections())
	})
}

// Only a change is reported, however many lookups follow.
func TestLookupsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names, seen := new(table), new(events)
		c := Config{Endpoints: []Endpoint{{Address: "a.test:80"}}, Resolution: DNS, Resolver: names, Notify: seen.notify}
		kinds := func(answer string) (kinds []EventKind) {
			names.set("a.test", answer)
			time.Sleep(5 * DefaultRefresh)
			synctest.Wait()
			for _, e := range seen.taken() {
				require.Equal(t, "a.test", e.Endpoint)
				require.Equal(t, e.Kind == EventLookupFailed, e.Err != nil)
				kinds = append(kinds, e.Kind)
			}
			return kinds
		}
		names.set("a.test", "10.0.0.1")
		u, err := New(c)
		require.NoError(t, err)
		defer u.Close()
		require.Empty(t, kinds("10.0.0.1"))
		require.Equal(t, []EventKind{EventLookupFailed}, kinds("fail"))
		require.Empty(t, kinds("unknown"), "it still fails")
		require.Equal(t, []EventKind{EventLookupRecovered}, kinds("10.0.0.2"))
		require.Equal(t, []EventKind{EventLookupFailed}, kinds("none"))
	})
}
