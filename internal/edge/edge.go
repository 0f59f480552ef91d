// Package edge handles the headers that describe the client at the edge of a
// network, such as X-Forwarded-For, X-Forwarded-Proto and X-Request-Id. The main
// type is Edge. Conditions see its values, and destinations receive them.
package edge

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"

	"github.com/lateengo/gateway/internal/escape"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/semantics"
)

// An Edge handles the headers that describe the client. It trusts no header
// from outside beyond the declared number of trusted proxies (Envoy's
// conn_manager_utility with use_remote_address).
type Edge struct {
	Semantics semantics.Mode
	// Trusted is the number of proxies in front (Istio's numTrustedProxies).
	Trusted int
	// Strict means that what only a proxy may say is not believed of anybody else.
	Strict bool
	Random func() uint64
	IDs    *RequestIDs
	// Open means that there is no edge: a single feature around a handler sees
	// and forwards the headers unchanged.
	Open bool
}

// Header names in canonical form.
const (
	ForwardedForHeader    = "X-Forwarded-For"
	ForwardedProtoHeader  = "X-Forwarded-Proto"
	RequestIDHeader       = "X-Request-Id"
	ExternalAddressHeader = "X-Envoy-External-Address"
	ClientCertHeader      = "X-Forwarded-Client-Cert"
	OriginalPathHeader    = "X-Envoy-Original-Path"
	OriginalHostHeader    = "X-Envoy-Original-Host"
	AttemptCountHeader    = "X-Envoy-Attempt-Count"
	ExpectedTimeoutHeader = "X-Envoy-Expected-Rq-Timeout-Ms"
)

// HeaderCount is how many headers every request gets: X-Forwarded-For,
// X-Forwarded-Proto and X-Request-Id.
const HeaderCount = 3

// InternalHeaders control Envoy and are removed from every request from outside.
var InternalHeaders = func() map[string]bool {
	m := map[string]bool{ClientCertHeader: true, "X-Envoy-Internal": true}
	for _, name := range []string{
		"upstream-rq-timeout-ms", "upstream-rq-per-try-timeout-ms", "max-retries", "retry-on", "retry-grpc-on",
		"retriable-status-codes", "retriable-header-names", "upstream-alt-stat-name", "force-trace",
		"decorator-operation", "original-path", "original-host", "expected-rq-timeout-ms", "ip-tags",
		"hedge-on-per-try-timeout", "downstream-service-cluster", "downstream-service-node",
		"external-address", "attempt-count",
	} {
		m[textproto.CanonicalMIMEHeaderKey("x-envoy-"+name)] = true
	}
	return m
}()

// IsEdgeHeader reports whether conditions see the edge's value of a header
// instead of the client's.
func IsEdgeHeader(key string) bool {
	switch key {
	case ForwardedForHeader, ForwardedProtoHeader, RequestIDHeader:
		return true
	}
	return InternalHeaders[key]
}

// Value returns a header that the edge writes, as conditions see it.
func (e *Edge) Value(r *http.Request, key string) (string, bool) {
	if e.Open {
		return field.Joined(r.Header[key])
	}
	switch key {
	case ForwardedProtoHeader:
		return e.ForwardedProto(r), true
	case ForwardedForHeader:
		list := e.ForwardedFor(r)
		return list, list != ""
	case RequestIDHeader:
		return "", true
	case ExternalAddressHeader:
		client := e.ClientAddress(r)
		return client, client != ""
	case ClientCertHeader:
		cert := clientCertificate(r)
		return cert, cert != ""
	}
	return "", false
}

// Scheme returns "https" or "http": the scheme of the connection, or the one a
// trusted proxy reports.
func (e *Edge) Scheme(r *http.Request) string {
	if e.Trusted > 0 {
		if proto, _ := field.Joined(r.Header[ForwardedProtoHeader]); proto == "https" || proto == "http" {
			return proto
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// ForwardedProto returns X-Forwarded-Proto: the unchanged value of a trusted
// proxy, or the scheme.
func (e *Edge) ForwardedProto(r *http.Request) string {
	if e.Trusted > 0 {
		if proto, ok := field.Joined(r.Header[ForwardedProtoHeader]); ok {
			return proto
		}
	}
	return e.Scheme(r)
}

// ClientAddress returns the address of the client without port: the address of
// the peer, or the one that the outermost trusted proxy saw.
func (e *Edge) ClientAddress(r *http.Request) string {
	if e.Trusted > 0 {
		if list, ok := field.Joined(r.Header[ForwardedForHeader]); ok {
			for range e.Trusted - 1 {
				i := strings.LastIndexByte(list, ',')
				if i < 0 {
					list = ""
					break
				}
				list = list[:i]
			}
			last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
			if client, ok := forwardedAddress(last); ok {
				return client
			}
		}
	}
	return PeerAddress(r)
}

// forwardedAddress returns the IP address of an entry of X-Forwarded-For. Some
// proxies write it with a port, in brackets or with a zone, which says nothing
// here: all of these entries are one client.
func forwardedAddress(entry string) (string, bool) {
	a, err := netip.ParseAddr(entry)
	if err != nil {
		if inner, ok := strings.CutPrefix(entry, "["); ok && strings.HasSuffix(inner, "]") {
			a, err = netip.ParseAddr(inner[:len(inner)-1])
			if err != nil || !a.Is6() {
				return "", false
			}
		} else {
			with, err := netip.ParseAddrPort(entry)
			if err != nil {
				return "", false
			}
			a = with.Addr()
		}
	}
	var buffer [64]byte
	text := a.WithZone("").AppendTo(buffer[:0])
	if string(text) == entry {
		return entry, true
	}
	return string(text), true
}

// PeerAddress returns the IP address of the connection's other end, without
// port, or "" if there is none, as on a Unix socket.
func PeerAddress(r *http.Request) string {
	addr := r.RemoteAddr
	if strings.HasPrefix(addr, "[") {
		addr, _, _ = strings.Cut(addr[1:], "]")
	} else if i := strings.IndexByte(addr, ':'); i >= 0 && i == strings.LastIndexByte(addr, ':') {
		// An IPv6 address without brackets has no port. Middlewares that
		// replace the peer's address by the client's use this form.
		addr = addr[:i]
	}
	for i := 0; i < len(addr) && addr[i] != '%'; i++ {
		if c := addr[i]; c != '.' && c != ':' && !escape.IsHexDigit(c) {
			return ""
		}
	}
	return addr
}

// ForwardedFor returns X-Forwarded-For with the peer's address appended.
func (e *Edge) ForwardedFor(r *http.Request) string {
	peer := PeerAddress(r)
	if e.Strict && e.Trusted == 0 {
		return peer
	}
	if list, ok := field.Joined(r.Header[ForwardedForHeader]); ok && list != "" {
		if peer == "" {
			return list
		}
		return list + "," + peer
	}
	return peer
}
