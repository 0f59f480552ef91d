package server

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/observe"
)

// unreadByStatus returns the counts that are not zero.
func (f *figures) unreadByStatus() (list []observe.StatusCount) {
	for i := range f.unread {
		if n := f.unread[i].Load(); n > 0 {
			list = append(list, observe.StatusCount{Status: http.StatusBadRequest + i, Count: n})
		}
	}
	return list
}

// unread counts a request that no handler saw, and tells the observers of it.
func (g *generation) unread(o *observe.Outcome) {
	if i := o.Status - http.StatusBadRequest; i >= 0 && i < len(g.figures.unread) {
		g.figures.unread[i].Add(1)
	}
	if o.Details != observe.DetailsSlowHead {
		o.Flags = observe.FlagBadRequest
	}
	// Nobody knows whether a client of such a request may tell another address.
	o.ClientAddress, _, _ = net.SplitHostPort(o.PeerAddress)
	g.listener.Observe(o)
}

// unreadable takes down that a request over HTTP/1 could not be read. Nothing is known of it,
// as in Envoy.
func (g *generation) unreadable(conn net.Conn, state *tls.ConnectionState, status, body int) {
	o := &observe.Outcome{
		Start: time.Now(), Protocol: "HTTP/1.1", Status: status, ResponseBytes: int64(body), Details: detailsOf(status),
		PeerAddress: addressOf(conn.RemoteAddr()), LocalAddress: addressOf(conn.LocalAddr()),
	}
	withTLS(o, state)
	g.unread(o)
}

func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func withTLS(o *observe.Outcome, state *tls.ConnectionState) {
	if state != nil {
		o.TLS, o.ServerName, o.TLSState = true, state.ServerName, state
	}
}

// detailsOf returns Envoy's details of an answer to a request that could not be read.
func detailsOf(status int) string {
	switch status {
	case http.StatusRequestTimeout:
		return observe.DetailsSlowHead
	case http.StatusRequestHeaderFieldsTooLarge:
		return observe.DetailsHeadTooLarge
	case http.StatusNotImplemented:
		return observe.DetailsCoding
	}
	return observe.DetailsCodec
}

// refuse answers a request that the handler must not see, as Envoy's codec does. The
// connection ends with it, but for HTTP/2.
func (g *generation) refuse(w http.ResponseWriter, r *http.Request, status int) {
	o := &observe.Outcome{
		Start: time.Now(), Method: r.Method, Scheme: "http", Authority: r.Host, Path: r.RequestURI, Protocol: r.Proto,
		Status: status, Details: detailsOf(status), PeerAddress: r.RemoteAddr,
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		o.LocalAddress = addressOf(local)
	}
	if r.TLS != nil {
		o.Scheme = "https"
	}
	withTLS(o, r.TLS)
	if r.ProtoMajor >= 2 {
		o.Protocol = "HTTP/2"
		if o.Details = observe.DetailsHTTP2; status == http.StatusRequestHeaderFieldsTooLarge {
			o.Details = observe.DetailsHTTP2Fields
		}
	}
	text := http.StatusText(status)
	if !localreply.IsGRPC(r) && r.Method != http.MethodHead {
		o.ResponseBytes = int64(len(text))
	}
	localreply.Write(w, r, status, text)
	g.unread(o)
}

// An answerWatch finds the answers that net/http's server gives to requests that it cannot
// read. No handler sees them.
type answerWatch struct {
	generation *generation
	conn       net.Conn
	state      *tls.ConnectionState
}

// watchAnswers lets g know what the server answers over a connection without a handler.
func (g *generation) watchAnswers(conn net.Conn) {
	c := guardOf(conn)
	if c == nil {
		return
	}
	c.answers = &answerWatch{generation: g, conn: conn}
	if secure, ok := conn.(*guardedTLSConn); ok {
		c.answers.state = &secure.state
	}
}

// look examines what the server writes although it has called no handler. It reports whether that
// is an answer.
func (a *answerWatch) look(p []byte) bool {
	const line = len("HTTP/1.1 400")
	if len(p) < line || !bytes.HasPrefix(p, []byte("HTTP/1.")) {
		return false
	}
	status, err := strconv.Atoi(string(p[line-3 : line]))
	if err != nil || status < http.StatusBadRequest {
		return false
	}
	_, body, _ := bytes.Cut(p, []byte("\r\n\r\n"))
	a.generation.unreadable(a.conn, a.state, status, len(body))
	return true
}
