package program

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream"
)

// newFailures returns a log of failures and the function that reads its lines, without
// their times.
func newFailures() (*Failures, func() string) {
	out := new(lockedBuffer)
	handler := slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return NewFailures(slog.New(handler)), out.take
}

// A lockedBuffer is written by the goroutines of timers.
type lockedBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

// take returns what was written since the last call.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.out.Reset()
	return strings.TrimSpace(b.out.String())
}

func TestFailuresAreLoggedOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, lines := newFailures()
		cart, shop := &Destination{Host: "cart", Port: 80}, &Destination{Host: "shop", Port: 80}
		refused := &upstream.Failure{Flag: upstream.FlagConnectFailure, Host: upstream.Host{Address: "10.0.0.1:80"}, Err: errors.New("connection refused")}
		const line = `level=WARN msg="destination gives no response" destination=outbound|80||cart endpoint=10.0.0.1:80 flag=UF error="connection refused" times=`

		f.Report(cart, refused)
		require.Equal(t, line+"1", lines(), "the first is logged at once")
		for range 500 {
			f.Report(cart, refused)
		}
		require.Empty(t, lines(), "the next are counted")
		f.Report(shop, refused)
		require.Equal(t, strings.Replace(line, "cart", "shop", 1)+"1", lines(), "another destination is another series")
		time.Sleep(failureInterval)
		synctest.Wait()
		require.Equal(t, line+"500", lines(), "without a further failure")
		f.Report(cart, refused)
		time.Sleep(failureInterval)
		synctest.Wait()
		require.Equal(t, line+"1", lines())
		time.Sleep(2 * failureInterval)
		synctest.Wait()
		require.Empty(t, lines(), "it is over")
		f.mu.Lock()
		require.Empty(t, f.kinds, "nothing is kept")
		f.mu.Unlock()
		f.Report(cart, refused)
		require.Equal(t, line+"1", lines(), "this is a new series")
		time.Sleep(failureInterval)
		synctest.Wait()

		f.Report(cart, &upstream.Failure{Flag: upstream.FlagDownstream})
		f.Report(cart, &upstream.Failure{})
		require.Empty(t, lines(), "no failures of the destination")
	})
}

func TestEventsOfDestinations(t *testing.T) {
	for _, row := range []struct {
		event upstream.Event
		want  string
	}{
		{upstream.Event{Kind: upstream.EventEjected, Endpoint: "10.0.0.1:80"}, `level=WARN msg="endpoint ejected by outlier detection" destination=cart endpoint=10.0.0.1:80 times=1`},
		{upstream.Event{Kind: upstream.EventReturned, Endpoint: "10.0.0.1:80"}, `level=INFO msg="endpoint returned after its ejection" destination=cart endpoint=10.0.0.1:80 times=1`},
		{upstream.Event{Kind: upstream.EventLookupFailed, Endpoint: "a.test", Err: errors.New("no answer")}, `level=WARN msg="lookup of a destination's name failed" destination=cart endpoint=a.test error="no answer" times=1`},
		{upstream.Event{Kind: upstream.EventLookupRecovered, Endpoint: "a.test"}, `level=INFO msg="lookup of a destination's name works again" destination=cart endpoint=a.test times=1`},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, lines := newFailures()
			f.Of("cart")(row.event)
			require.Equal(t, row.want, lines())
		})
	}
	require.Nil(t, NewFailures(slog.New(slog.DiscardHandler)))
	require.Nil(t, NewFailures(nil).Of("cart"), "nothing is called if nothing is logged")
}
