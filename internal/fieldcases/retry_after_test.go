package fieldcases

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A client that waits for the time in Retry-After is allowed, repeatedly, and is
// never told to wait for zero seconds. (TestRetryAfterIsTrue of package limit tests
// the exact values, once each.)
func TestRetryAfterIsEnoughEachTime(t *testing.T) {
	for _, l := range []spec.RateLimit{
		{Requests: 1, Unit: time.Second},
		{Requests: 1, Unit: time.Second, Per: []spec.LimitKey{{RemoteAddress: true}}},
		{Requests: 3, Unit: 2 * time.Second},
		{Requests: 7, Unit: time.Second},
		{Requests: 1000, Unit: time.Second},
		{Requests: 7, Unit: time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			wrap, err := gateway.RateLimit(l)
			require.NoError(t, err)
			h := wrap(testhttp.AnswerOK)
			ask := func() (int, string) {
				w := testhttp.Recorded(h, testhttp.From(testhttp.Client))
				return w.Code, w.Header().Get("Retry-After")
			}
			for range 5 {
				status, after := ask()
				require.Equal(t, http.StatusOK, status)
				for passed := 1; status == http.StatusOK; passed++ {
					require.LessOrEqual(t, passed, l.Requests)
					status, after = ask()
				}
				require.Equal(t, http.StatusTooManyRequests, status)
				seconds, err := strconv.Atoi(after)
				require.NoError(t, err)
				require.Positive(t, seconds)
				time.Sleep(time.Duration(seconds) * time.Second)
			}
		})
	}
}
