package upstream

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// callers sends empty answers, and records where each request came from.
type callers struct {
	mu  sync.Mutex
	all []string
}

func (c *callers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, r.RemoteAddr)
}

// runs are the numbers of consecutive requests on the same connection.
func (c *callers) runs() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var runs []int
	for i, caller := range c.all {
		if i == 0 || caller != c.all[i-1] {
			runs = append(runs, 0)
		}
		runs[len(runs)-1]++
	}
	return runs
}

func TestMaxRequestsPerConnection(t *testing.T) {
	for most, want := range map[int][]int{0: {7}, 1: {1, 1, 1, 1, 1, 1, 1}, 3: {3, 3, 1}} {
		everyWay(t, func(t *testing.T, c Config) {
			seen := new(callers)
			fleet(t, &c, seen.ServeHTTP)
			c.MaxRequestsPerConnection = most
			u := newUpstream(t, c)
			for range 7 {
				status, _ := send(u, get("/"))
				require.Equal(t, 200, status)
			}
			require.Equal(t, want, seen.runs())
		})
	}
}

func TestMaxConnectionDuration(t *testing.T) {
	for age, want := range map[time.Duration][]int{0: {2}, time.Hour: {2}, 1: {1, 1}} {
		everyWay(t, func(t *testing.T, c Config) {
			seen := new(callers)
			fleet(t, &c, seen.ServeHTTP)
			c.MaxConnectionDuration = age
			u := newUpstream(t, c)
			send(u, get("/"))
			send(u, get("/"))
			require.Equal(t, want, seen.runs())
		})
	}
}
