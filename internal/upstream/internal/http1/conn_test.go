package http1

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// send sends a request's head on c in a separate goroutine, and reads the
// response's head.
func send(ctx context.Context, c *Conn, head string) <-chan error {
	result := make(chan error, 1)
	go func() {
		c.Begin(ctx)
		_, err := c.Send([]byte(head))
		if err == nil {
			err = c.ReadHead(new(Head))
		}
		c.End(err == nil)
		result <- err
	}()
	return result
}

// expect reads the expected text.
func expect(t *testing.T, conn net.Conn, text string) {
	got := make([]byte, len(text))
	n, err := io.ReadFull(conn, got)
	require.NoError(t, err, "%q", got[:n])
	require.Equal(t, text, string(got))
}

func TestExchanges(t *testing.T) {
	c, far := pair(t)
	require.Zero(t, c.Served())
	for range 3 {
		result := send(t.Context(), c, "request")
		expect(t, far, "request")
		_, err := io.WriteString(far, "HTTP/1.1 204 No Content\r\n\r\n")
		require.NoError(t, err)
		require.NoError(t, testwire.Within(t, result))
		require.Positive(t, c.Served())
	}
}

// A head that does not fit into the kernel's buffers is written completely.
func TestLongRequestHead(t *testing.T) {
	for _, served := range []int{0, 1} {
		c, far := pair(t)
		c.served = served
		head := strings.Repeat("0123456789abcdef", 1<<20)
		result := send(t.Context(), c, head)
		expect(t, far, head)
		_, err := io.WriteString(far, "HTTP/1.1 204 No Content\r\n\r\n")
		require.NoError(t, err)
		require.NoError(t, testwire.Within(t, result))
	}
}

// Nothing is written to an idle connection on which something arrived, even if
// that is only its end.
func TestStale(t *testing.T) {
	for _, how := range []string{"closed", "reset", "data"} {
		t.Run(how, func(t *testing.T) {
			c, far := pair(t)
			result := send(t.Context(), c, "request")
			expect(t, far, "request")
			_, err := io.WriteString(far, "HTTP/1.1 204 No Content\r\n\r\n")
			require.NoError(t, err)
			require.NoError(t, testwire.Within(t, result))
			require.True(t, c.alive())
			switch how {
			case "closed":
				far.Close()
			case "reset":
				require.NoError(t, far.(*net.TCPConn).SetLinger(0))
				far.Close()
			case "data":
				_, err = io.WriteString(far, "HTTP/1.1 204 No Content\r\n\r\n")
				require.NoError(t, err)
			}
			require.Eventually(t, func() bool { return !c.alive() }, patience, time.Millisecond)
			c.Begin(t.Context())
			require.ErrorIs(t, c.Check(), ErrStale)
			n, err := c.Send([]byte("request"))
			require.ErrorIs(t, err, ErrStale)
			require.Zero(t, n)
			require.False(t, c.End(false))
		})
	}
}

// The end of a context ends a read, before and after the read watches the
// context.
func TestContextEndsRead(t *testing.T) {
	for _, wait := range []time.Duration{0, 3 * watchAfter} {
		c, far := pair(t)
		ctx, cancel := context.WithCancel(t.Context())
		result := send(ctx, c, "request")
		expect(t, far, "request")
		timer := time.AfterFunc(wait, cancel)
		defer timer.Stop()
		require.Error(t, testwire.Within(t, result))
		_, err := far.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}

// A context with an early deadline ends a read then.
func TestDeadlineEndsRead(t *testing.T) {
	c, far := pair(t)
	ctx, cancel := context.WithTimeout(t.Context(), watchSoon)
	defer cancel()
	result := send(ctx, c, "request")
	expect(t, far, "request")
	require.Error(t, testwire.Within(t, result))
}

// An exchange that takes longer than the deadline of reads is not disturbed by
// it, and neither is the next one.
func TestSlowExchange(t *testing.T) {
	c, far := pair(t)
	for range 2 {
		result := send(t.Context(), c, "request")
		expect(t, far, "request")
		_, err := io.WriteString(far, "HTTP/1.1 204 ")
		require.NoError(t, err)
		select {
		case err := <-result:
			require.Fail(t, "ended early", "%v", err)
		case <-time.After(2 * watchAfter):
		}
		_, err = io.WriteString(far, "No Content\r\n\r\n")
		require.NoError(t, err)
		require.NoError(t, testwire.Within(t, result))
	}
}

// A context that ends after an exchange does not affect the connection.
func TestContextEndsAfterExchange(t *testing.T) {
	c, far := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.Begin(ctx)
	c.Watch()
	require.True(t, c.End(true))
	cancel()
	result := send(t.Context(), c, "request")
	expect(t, far, "request")
	_, err := io.WriteString(far, "HTTP/1.1 204 No Content\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, testwire.Within(t, result))
}

// A waiter is called before a read that has to wait, and not otherwise.
func TestWaiter(t *testing.T) {
	c, far := pair(t)
	c.Begin(t.Context())
	defer c.End(false)
	w := make(waits, 1)
	c.SetWaiter(w)
	_, err := io.WriteString(far, "a")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return c.raw.peek() == something }, patience, time.Millisecond)
	require.NoError(t, c.fill())
	require.Empty(t, w)
	result := make(chan error)
	go func() { result <- c.fill() }()
	testwire.Within(t, w)
	_, err = io.WriteString(far, "b")
	require.NoError(t, err)
	require.NoError(t, testwire.Within(t, result))
	require.Equal(t, "ab", string(c.Buffered()))
}

type waits chan struct{}

func (w waits) BeforeWait() { w <- struct{}{} }
