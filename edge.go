package gateway

import (
	"encoding/hex"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
)

// An edge is what a gateway at the edge of a network does with the headers that
// speak about the client: nothing from outside is believed beyond the declared
// number of trusted proxies (Envoy's conn_manager_utility with
// use_remote_address).
type edge struct {
	semantics Semantics
	// trusted is the number of proxies in front (Istio's numTrustedProxies).
	trusted int
	random  func() uint64
}

// Header names in canonical form.
const (
	headerForwardedFor   = "X-Forwarded-For"
	headerForwardedProto = "X-Forwarded-Proto"
	headerRequestID      = "X-Request-Id"
	headerExternal       = "X-Envoy-External-Address"
	headerClientCert     = "X-Forwarded-Client-Cert"
	headerOriginalPath   = "X-Envoy-Original-Path"
	headerOriginalHost   = "X-Envoy-Original-Host"
	headerAttemptCount   = "X-Envoy-Attempt-Count"
	headerExpected       = "X-Envoy-Expected-Rq-Timeout-Ms"
)

// internalHeaders control Envoy and are removed from every request from outside.
var internalHeaders = func() map[string]bool {
	m := map[string]bool{headerClientCert: true, "X-Envoy-Internal": true}
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

// isEdgeHeader reports whether conditions see the edge's value of a header
// rather than the client's.
func isEdgeHeader(key string) bool {
	switch key {
	case headerForwardedFor, headerForwardedProto, headerRequestID:
		return true
	}
	return internalHeaders[key]
}

// value returns a header that the edge writes, as conditions see it.
func (e *edge) value(v *view, key string) (string, bool) {
	switch key {
	case headerForwardedProto:
		return v.scheme, true
	case headerForwardedFor:
		return e.forwardedFor(v.r), true
	case headerRequestID:
		return "", true
	case headerExternal:
		return e.clientAddress(v.r), true
	}
	return "", false
}

// scheme returns "https" or "http": that of the connection, or what a trusted
// proxy says.
func (e *edge) scheme(r *http.Request) string {
	if e.trusted > 0 {
		if proto, ok := joined(r.Header[headerForwardedProto]); ok {
			return proto
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// clientAddress returns the address of the client without port: the peer's, or
// the one that the outermost trusted proxy saw.
func (e *edge) clientAddress(r *http.Request) string {
	if e.trusted > 0 {
		if list, ok := joined(r.Header[headerForwardedFor]); ok {
			for range e.trusted - 1 {
				i := strings.LastIndexByte(list, ',')
				if i < 0 {
					list = ""
					break
				}
				list = list[:i]
			}
			last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
			if _, err := netip.ParseAddr(last); err == nil {
				return last
			}
		}
	}
	return peerAddress(r)
}

// peerAddress returns the address of the connection's other end, without port.
func peerAddress(r *http.Request) string {
	host := r.RemoteAddr
	if i := portStart(host); i >= 0 {
		host = host[:i]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return host
}

// forwardedFor returns X-Forwarded-For with the peer's address appended.
func (e *edge) forwardedFor(r *http.Request) string {
	peer := peerAddress(r)
	if list, ok := joined(r.Header[headerForwardedFor]); ok && list != "" {
		if peer == "" {
			return list
		}
		return list + "," + peer
	}
	return peer
}

// keeps reports whether a header of a client's request is passed on. What the
// edge writes itself and what speaks about one connection is not.
func (e *edge) keeps(key string, upgrade bool) bool {
	switch key {
	case "Connection", "Upgrade":
		return upgrade
	case "Keep-Alive", "Proxy-Connection", "Transfer-Encoding":
		return false
	case headerForwardedFor, headerForwardedProto, headerRequestID:
		return false
	}
	return len(key) < 2 || key[0] != 'X' || !internalHeaders[key]
}

// tidy changes headers that are passed on only in part.
func (e *edge) tidy(h http.Header) {
	if lines, ok := h["Te"]; ok && (len(lines) != 1 || lines[0] != "trailers") {
		delete(h, "Te")
		for _, line := range lines {
			for part := range strings.SplitSeq(line, ",") {
				if name, _, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), "trailers") {
					h["Te"] = []string{"trailers"}
				}
			}
		}
	}
	if lines, ok := h["Referer"]; ok {
		if len(lines) != 1 {
			delete(h, "Referer")
		} else if u, err := url.Parse(lines[0]); err != nil || !u.IsAbs() && !strings.HasPrefix(lines[0], "/") {
			delete(h, "Referer")
		}
	}
}

// before writes the edge's headers that come before the route's operations.
func (e *edge) before(x *exchange) {
	if !e.semantics.edgeHeadersFirst() {
		return
	}
	h := x.req.Header
	h[headerForwardedFor] = x.one(e.forwardedFor(x.in))
	h[headerForwardedProto] = x.one(x.v.scheme)
	h[headerRequestID] = x.one(e.requestID())
	h[headerExternal] = x.one(e.clientAddress(x.in))
	if cert := clientCertificate(x.in); cert != "" {
		h[headerClientCert] = x.one(cert)
	}
}

// after writes the edge's headers that come after the route's operations, where
// those have not written them.
func (e *edge) after(x *exchange) {
	if e.semantics.edgeHeadersFirst() {
		return
	}
	h := x.req.Header
	if _, ok := h[headerForwardedFor]; !ok {
		h[headerForwardedFor] = x.one(e.forwardedFor(x.in))
	}
	if _, ok := h[headerForwardedProto]; !ok {
		h[headerForwardedProto] = x.one(x.v.scheme)
	}
	if _, ok := h[headerRequestID]; !ok {
		h[headerRequestID] = x.one(e.requestID())
	}
	if _, ok := h[headerClientCert]; !ok {
		if cert := clientCertificate(x.in); cert != "" {
			h[headerClientCert] = x.one(cert)
		}
	}
}

// requestID returns a new random UUID (RFC 9562, version 4).
func (e *edge) requestID() string {
	var raw [16]byte
	a, b := e.random(), e.random()
	for i := range 8 {
		raw[i] = byte(a >> (8 * i))
		raw[8+i] = byte(b >> (8 * i))
	}
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], raw[0:4])
	text[8] = '-'
	hex.Encode(text[9:13], raw[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], raw[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], raw[8:10])
	text[23] = '-'
	hex.Encode(text[24:36], raw[10:16])
	return string(text[:])
}

// clientCertificate returns X-Forwarded-Client-Cert for a verified client
// certificate, or "" (Envoy's SANITIZE_SET with subject, certificate and SANs).
func clientCertificate(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return forwardedClientCert(r.TLS.PeerCertificates[0])
}
