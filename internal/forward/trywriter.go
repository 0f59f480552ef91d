package forward

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/upstream"
)

// errAbandoned is the error for a backend that writes after it was abandoned.
var errAbandoned = http.ErrHandlerTimeout

// A tryWriter is a try as its backend sees it. It has no Unwrap method: an
// abandoned backend could use it to reach a connection that already serves
// another request.
type tryWriter struct{ *try }

// A hijackableTry is a tryWriter over a connection that can be hijacked.
type hijackableTry struct{ tryWriter }

func (t *try) writer() http.ResponseWriter {
	if hijack.Can(t.out) {
		return hijackableTry{tryWriter{t}}
	}
	return tryWriter{t}
}

func (w tryWriter) Header() http.Header { return w.header }

func (w tryWriter) WriteHeader(status int) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.state.Load() != tryOpen {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
	} else if w.commit(status) {
		w.out.WriteHeader(status)
	}
}

// inform sends an informational response with the backend's header, and leaves
// the client's as it was.
func (w tryWriter) inform(status int) {
	h := w.out.Header()
	before := maps.Clone(h)
	replaceHeader(h, w.header)
	w.out.WriteHeader(status)
	replaceHeader(h, before)
}

// open sends the header if it was not sent, and reports whether more may follow.
// The caller holds writing.
func (w tryWriter) open() bool {
	if w.state.Load() == tryOpen && w.commit(http.StatusOK) {
		w.out.WriteHeader(http.StatusOK)
	}
	return w.state.Load() != tryAbandoned
}

func (w tryWriter) Write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if !w.open() {
		return 0, errAbandoned
	}
	return w.out.Write(p)
}

func (w tryWriter) Flush() { _ = w.FlushError() }

func (w tryWriter) FlushError() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	if !w.open() {
		return errAbandoned
	}
	return http.NewResponseController(w.out).Flush()
}

// fileChunk is how many bytes of a file are sent between two chances to cut the
// response.
const fileChunk = 1 << 20

// ReadFrom lets the writer below copy if the try cannot be abandoned, or if the
// source is a file, which never blocks. It copies from any other source itself,
// because a writer that waits for its source cannot be interrupted.
func (w tryWriter) ReadFrom(r io.Reader) (n int64, err error) {
	below, ok := w.out.(io.ReaderFrom)
	if w.alone && ok {
		w.writing.Lock()
		open := w.open()
		w.writing.Unlock()
		if !open {
			return 0, errAbandoned
		}
		return below.ReadFrom(r)
	}
	limited, bounded := r.(*io.LimitedReader)
	source := r
	if bounded {
		source = limited.R
	}
	if _, file := source.(*os.File); !file || !ok {
		return w.copy(r, source)
	}
	for {
		chunk := io.LimitedReader{R: source, N: fileChunk}
		if bounded {
			chunk.N = min(chunk.N, limited.N)
		}
		asked := chunk.N
		sent, err := w.readChunk(below, &chunk)
		n += sent
		if bounded {
			limited.N -= sent
		}
		if err != nil || sent < asked || asked == 0 {
			return n, err
		}
	}
}

func (w tryWriter) readChunk(below io.ReaderFrom, chunk *io.LimitedReader) (int64, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if !w.open() {
		return 0, errAbandoned
	}
	return below.ReadFrom(chunk)
}

// copy copies r, which reads from source. Data from a connection is forwarded
// immediately.
func (w tryWriter) copy(r, source io.Reader) (n int64, err error) {
	_, live := source.(net.Conn)
	buffer := make([]byte, 32<<10)
	for {
		read, err := r.Read(buffer)
		if read > 0 {
			written, err := w.Write(buffer[:read])
			if n += int64(written); err != nil {
				return n, err
			}
			if live && read < len(buffer) {
				w.Flush()
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (w hijackableTry) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	before := w.state.Load()
	if before == tryAbandoned || !w.state.CompareAndSwap(before, tryUpgraded) {
		return nil, nil, errAbandoned
	}
	conn, rw, err := http.NewResponseController(w.out).Hijack()
	if err != nil {
		w.state.Store(before)
	}
	return conn, rw, err
}

// control returns the control of the client's connection while the backend owns
// it. It does not wait for a write: a deadline may be set to end one.
func (w tryWriter) control() (*http.ResponseController, error) {
	if w.state.Load() == tryAbandoned {
		return nil, errAbandoned
	}
	return http.NewResponseController(w.out), nil
}

func (w tryWriter) SetReadDeadline(deadline time.Time) error {
	c, err := w.control()
	if err != nil {
		return err
	}
	return c.SetReadDeadline(deadline)
}

func (w tryWriter) SetWriteDeadline(deadline time.Time) error {
	c, err := w.control()
	if err != nil {
		return err
	}
	return c.SetWriteDeadline(deadline)
}

func (w tryWriter) EnableFullDuplex() error {
	c, err := w.control()
	if err != nil {
		return err
	}
	return c.EnableFullDuplex()
}

// UpstreamHost records where the backend sends the request.
func (w tryWriter) UpstreamHost(h upstream.Host) { w.host.Store(&h) }

// RetriesConnect reports whether another try follows a failure to connect.
func (w tryWriter) RetriesConnect() bool { return w.again != nil && w.retriesConnect }

// UpstreamFailed records that the backend gave no response.
func (w tryWriter) UpstreamFailed(f upstream.Failure) {
	if w.state.Load() == tryOpen {
		w.failed, w.failure = true, f
	}
}

// isTrailer reports whether a header that a handler set after the response's
// head was sent is meant as a trailer.
func isTrailer(h http.Header, key string) bool {
	return strings.HasPrefix(key, http.TrailerPrefix) || field.HasToken(h["Trailer"], key)
}
