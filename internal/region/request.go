package region

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/rawpath"
)

// A Request is a request that a Solver found.
type Request struct {
	Method, Scheme, Authority string
	// Path is the normalized path. Query has no question mark.
	Path, Query string
	// Header has only what the conditions need.
	Header http.Header
	// Peer is the IP address of the client, or "" if it does not matter.
	Peer string
	// Port is that of the listener, or 0.
	Port int
	// TLS means that the connection is one.
	TLS bool
}

const defaultPeer = "192.0.2.1"

// HTTP returns the request as a server would get it.
func (r *Request) HTTP() *http.Request {
	u := new(url.URL)
	rawpath.Set(u, r.Path)
	u.RawQuery = r.Query
	peer := r.Peer
	if peer == "" {
		peer = defaultPeer
	}
	if strings.Contains(peer, ":") {
		peer = "[" + peer + "]"
	}
	h := &http.Request{
		Method: r.Method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: r.Header.Clone(), Host: r.Authority,
		Body: http.NoBody, RemoteAddr: peer + ":1234", RequestURI: r.target(),
	}
	if h.Header == nil {
		h.Header = http.Header{}
	}
	if r.TLS {
		h.TLS = &tls.ConnectionState{ServerName: strings.ToLower(hosts.WithoutPort(r.Authority)), HandshakeComplete: true}
	}
	return h
}

func (r *Request) target() string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

// URL returns the URL that a client would ask for. own is the Host header to send with it
// if the URL does not say it, or "".
func (r *Request) URL() (address, own string) {
	scheme, usual := "http", 80
	if r.TLS {
		scheme, usual = "https", 443
	}
	authority := r.Authority
	port := r.Port
	if i := hosts.PortStart(authority); i >= 0 {
		n, err := strconv.Atoi(authority[i+1:])
		if err == nil && (port == 0 || n == port) {
			return scheme + "://" + authority + r.target(), ""
		}
		own, authority = authority, authority[:i]
	}
	if port != 0 && port != usual {
		own = r.Authority
		authority += ":" + strconv.Itoa(port)
	}
	return scheme + "://" + authority + r.target(), own
}

// Witness returns the request as data.
func (r *Request) Witness() inspect.Witness {
	address, host := r.URL()
	w := inspect.Witness{Method: r.Method, URL: address, Header: r.Header.Clone()}
	if host != "" {
		if w.Header == nil {
			w.Header = http.Header{}
		}
		w.Header["Host"] = []string{host}
	}
	if len(w.Header) == 0 {
		w.Header = nil
	}
	return w
}

// String returns the request as the arguments of lateen decide, such as
// GET http://shop.test/a -H 'x-user: 7'.
func (r *Request) String() string {
	w := r.Witness()
	return w.String()
}
