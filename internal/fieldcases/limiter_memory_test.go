package fieldcases

import (
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// Clients that never return do not fill the memory, even with long keys: a limit
// keeps only a hash of each key. (TestBucketsAreBounded of package limit tests the
// number of buckets.)
func TestLongKeysAreNotKept(t *testing.T) {
	clients := 10_000
	if testing.Short() {
		clients = 2_000
	}
	long := strings.Repeat("k", 4000)
	for name, per := range map[string][]spec.LimitKey{
		"a header":                {{Header: "x-key"}},
		"an address and a header": {{RemoteAddress: true}, {Header: "x-key"}},
	} {
		wrap, err := gateway.RateLimit(spec.RateLimit{Requests: 1, Unit: time.Hour, Per: per})
		require.NoError(t, err)
		h := wrap(testhttp.AnswerOK)
		before := heap()
		r := testhttp.From(testhttp.Client)
		ask := func(client int) int {
			r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", client>>8&255, client&255)
			r.Header.Set("X-Key", strconv.Itoa(client)+long)
			return testhttp.Recorded(h, r).Code
		}
		for client := range clients {
			require.Equal(t, http.StatusOK, ask(client), name)
		}
		require.Equal(t, http.StatusTooManyRequests, ask(0), "%s: each client has its bucket", name)
		require.Less(t, heap()-before, int64(1<<20+clients*400), name)
		runtime.KeepAlive(h)
	}
}

// heap is the amount of memory in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
