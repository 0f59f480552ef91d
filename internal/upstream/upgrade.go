package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/http1/grammar"
)

// upgradeOf returns the upgrade that r asks for, if Istio's gateways allow it:
// "websocket", as the client spelled it.
func upgradeOf(r *http.Request, protocol Protocol) string {
	values, ok := r.Header["Upgrade"]
	if !ok || len(values) != 1 || !grammar.IsWord(values[0], "websocket") {
		return ""
	}
	if protocol != HTTP1 || r.ProtoMajor != 1 || !r.ProtoAtLeast(1, 1) || !hasToken(r.Header["Connection"], "upgrade") {
		return ""
	}
	return values[0]
}

// ErrNotHijackable is the cause of a failed upgrade whose response writer gives
// nobody the client's connection. Nothing was sent to the backend then.
var ErrNotHijackable = errors.New("no upgrade: the ResponseWriter is no http.Hijacker, and wraps none")

// refuseUpgrade answers a request for an upgrade that w does not allow. After the
// backend's 101 it would be too late for an answer.
func refuseUpgrade(w http.ResponseWriter, r *http.Request) {
	fail(w, r, Failure{Status: http.StatusBadGateway, Body: "upgrade not possible", Err: ErrNotHijackable})
}

// tunnel sends the 101 response with header h to the client, and joins its
// connection with the backend's until one of them or x's context ends. If the server
// leaves, the client gets a close frame. It
// closes both. first is the data already read from the backend.
func (x *exchange) tunnel(h http.Header, backend io.ReadWriteCloser, first []byte) {
	defer backend.Close()
	header := x.w.Header()
	addEndToEnd(header, h)
	x.addCookie(header)
	header["Connection"] = []string{"upgrade"}
	header["Upgrade"] = h["Upgrade"]
	// net/http sends the head when the connection is hijacked.
	x.w.WriteHeader(http.StatusSwitchingProtocols)
	client, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		abort()
	}
	defer client.Close()
	over, end := context.WithCancel(context.Background())
	defer end()
	stop := context.AfterFunc(x.r.Context(), func() {
		client.Close()
		backend.Close()
	})
	defer stop()

	var toClient io.Writer = client
	if leaving := hijack.Leaving(x.r.Context()); leaving != nil {
		last := &farewell{client: client}
		toClient = last
		defer context.AfterFunc(leaving, func() {
			// A client that does not read could keep the rest waiting.
			timer := time.AfterFunc(goingAwayTime, func() {
				client.Close()
				backend.Close()
			})
			context.AfterFunc(over, func() { timer.Stop() })
			last.leave()
		})()
	}

	// The end of either side ends the tunnel, after the data that it sent has
	// been delivered: a WebSocket has no half-closed state.
	done := make(chan struct{})
	go func() {
		defer close(done)
		pump(backend, client, buffered.Reader)
		backend.Close()
		client.Close()
	}()
	if _, err := toClient.Write(first); err == nil {
		pump(toClient, backend, nil)
	}
	client.Close()
	backend.Close()
	<-done
}

// pump copies src to dst, beginning with the data in buffered.
func pump(dst io.Writer, src io.Reader, buffered *bufio.Reader) {
	if buffered != nil && buffered.Buffered() > 0 {
		head, err := buffered.Peek(buffered.Buffered())
		if err != nil {
			return
		}
		if _, err := dst.Write(head); err != nil {
			return
		}
	}
	if to, ok := tcpBelow(dst); ok {
		if from, ok := tcpBelow(src); ok {
			// The kernel copies.
			_, _ = to.ReadFrom(from)
			return
		}
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := src.Read(*buf)
		if n > 0 {
			if _, err := dst.Write((*buf)[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// tcpBelow returns the TCP connection that carries the bytes of conn unchanged.
// A server may have wrapped it.
func tcpBelow(conn any) (*net.TCPConn, bool) {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			return c, true
		case *tls.Conn:
			return nil, false
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil, false
		}
	}
}
