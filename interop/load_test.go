package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A load is clients that send requests in a loop. Each has its own connection,
// which it never has to open again: a client that repeats requests itself would
// hide what the gateway does.
type load struct {
	address, path string
	stop          atomic.Bool
	running       sync.WaitGroup
	// answers counts the answers of each client, whatever they are.
	answers []atomic.Int64

	mu sync.Mutex
	// window holds the observations since the last call of take.
	window window
}

// A window is what the clients observed for a while.
type window struct {
	requests int
	worst    time.Duration
	// statuses counts the answers with a status other than 200, and slowest is
	// the slowest answer of each status.
	statuses map[int]int
	slowest  map[int]time.Duration
	// broken counts the answers that could not be read; one of them is shown.
	broken int
	cause  error
}

func (w *window) failures() int {
	n := w.broken
	for _, count := range w.statuses {
		n += count
	}
	return n
}

func (w *window) String() string {
	return fmt.Sprintf("%d requests, worst %v, statuses %v, slowest %v, %d broken (%v)",
		w.requests, w.worst, w.statuses, w.slowest, w.broken, w.cause)
}

// add adds the observations of another window.
func (w *window) add(o window) {
	w.requests += o.requests
	w.worst = max(w.worst, o.worst)
	w.broken += o.broken
	if o.cause != nil {
		w.cause = o.cause
	}
	if w.statuses == nil {
		w.statuses, w.slowest = map[int]int{}, map[int]time.Duration{}
	}
	for status, n := range o.statuses {
		w.statuses[status] += n
		w.slowest[status] = max(w.slowest[status], o.slowest[status])
	}
}

// startLoad starts clients, which pause after each answer.
func startLoad(t *testing.T, address, path string, clients int, pause time.Duration) *load {
	l := &load{address: address, path: path, answers: make([]atomic.Int64, clients)}
	for i := range clients {
		l.running.Go(func() { l.client(&l.answers[i], pause) })
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop.Store(true)
	l.running.Wait()
}

// take returns the observations since the last call, after d.
func (l *load) take(d time.Duration) window {
	time.Sleep(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.window
	l.window = window{}
	return w
}

// progress waits until every client has n more answers.
func (l *load) progress(t *testing.T, n int64) {
	t.Helper()
	least := make([]int64, len(l.answers))
	for i := range least {
		least[i] = l.answers[i].Load() + n
	}
	for i := range least {
		require.Eventually(t, func() bool { return l.answers[i].Load() >= least[i] }, patience, time.Millisecond, "a client gets no answer")
	}
}

func (l *load) client(answers *atomic.Int64, pause time.Duration) {
	var conn net.Conn
	var in *bufio.Reader
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for !l.stop.Load() {
		begun := time.Now()
		if conn == nil {
			var err error
			if conn, err = net.Dial("tcp", l.address); err != nil {
				l.note(begun, 0, err)
				return
			}
			in = bufio.NewReader(conn)
		}
		status, err := l.ask(conn, in)
		l.note(begun, status, err)
		answers.Add(1)
		if err != nil {
			conn.Close()
			conn = nil
		}
		time.Sleep(pause)
	}
}

func (l *load) ask(conn net.Conn, in *bufio.Reader) (int, error) {
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: app.example.com\r\n\r\n", l.path); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	if response.Close {
		return response.StatusCode, io.EOF
	}
	return response.StatusCode, nil
}

func (l *load) note(begun time.Time, status int, err error) {
	took := time.Since(begun)
	l.mu.Lock()
	defer l.mu.Unlock()
	one := window{requests: 1, worst: took}
	switch {
	case err != nil:
		one.broken, one.cause = 1, err
	case status != http.StatusOK:
		one.statuses, one.slowest = map[int]int{status: 1}, map[int]time.Duration{status: took}
	}
	l.window.add(one)
}
