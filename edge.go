package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
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

// What becomes of a header of a client's request.
type passage uint8

const (
	// kept: passed on.
	kept passage = iota
	// dropped: it speaks about one connection, or the edge writes it itself.
	dropped
	// keptForUpgrade: passed on with a WebSocket's handshake.
	keptForUpgrade
	// tidied: passed on in part.
	tidied
)

// keeps returns what becomes of a header of a client's request.
func keeps(key string) passage {
	switch key {
	case "Connection", "Upgrade":
		return keptForUpgrade
	case "Keep-Alive", "Proxy-Connection", "Transfer-Encoding",
		headerForwardedFor, headerForwardedProto, headerRequestID, headerClientCert:
		return dropped
	case "Te", "Referer":
		return tidied
	}
	if strings.HasPrefix(key, "X-Envoy-") && internalHeaders[key] {
		return dropped
	}
	return kept
}

// tidy returns what is passed on of a header: of TE the word trailers, and a
// Referer if it is one URI.
func tidy(key string, lines []string) []string {
	if key == "Te" {
		if hasToken(lines, "trailers") {
			return []string{"trailers"}
		}
		for _, line := range lines {
			for part := range strings.SplitSeq(line, ",") {
				if name, _, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), "trailers") {
					return []string{"trailers"}
				}
			}
		}
		return nil
	}
	if len(lines) != 1 {
		return nil
	}
	if u, err := url.Parse(lines[0]); err != nil || !u.IsAbs() && !strings.HasPrefix(lines[0], "/") {
		return nil
	}
	return lines
}

// before writes the edge's headers that come before the route's operations.
func (e *edge) before(x *exchange) {
	if !e.semantics.edgeHeadersFirst() {
		return
	}
	h := x.req.Header
	if list := e.forwardedFor(x.in); list != "" {
		h[headerForwardedFor] = x.one(list)
	}
	h[headerForwardedProto] = x.one(x.v.scheme)
	h[headerRequestID] = x.one(e.requestID())
	if client := e.clientAddress(x.in); client != "" {
		h[headerExternal] = x.one(client)
	}
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
	h, d := x.req.Header, x.dest
	if !d.writes.forwardedFor || len(h[headerForwardedFor]) == 0 {
		if list := e.forwardedFor(x.in); list != "" {
			h[headerForwardedFor] = x.one(list)
		}
	}
	if !d.writes.forwardedProto || len(h[headerForwardedProto]) == 0 {
		h[headerForwardedProto] = x.one(x.v.scheme)
	}
	if !d.writes.requestID || len(h[headerRequestID]) == 0 {
		h[headerRequestID] = x.one(e.requestID())
	}
	if x.in.TLS != nil && len(h[headerClientCert]) == 0 {
		if cert := clientCertificate(x.in); cert != "" {
			h[headerClientCert] = x.one(cert)
		}
	}
}

// idBatch is how many request ids are made at once.
const idBatch = 16

// requestIDs are batches of ids that are not all used. An id is a part of its
// batch's text, which saves an allocation for each.
var requestIDs = sync.Pool{New: func() any { return new(requestIDBatch) }}

type requestIDBatch struct{ text string }

// requestID returns a new random UUID (RFC 9562, version 4).
func (e *edge) requestID() string {
	batch := requestIDs.Get().(*requestIDBatch)
	if batch.text == "" {
		var text [36 * idBatch]byte
		for i := range idBatch {
			putUUID(text[36*i:36*i+36], e.random(), e.random())
		}
		batch.text = string(text[:])
	}
	id := batch.text[:36]
	batch.text = batch.text[36:]
	requestIDs.Put(batch)
	return id
}

// putUUID writes the version 4 UUID of 128 random bits, of which six are fixed.
func putUUID(text []byte, a, b uint64) {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], a)
	binary.LittleEndian.PutUint64(raw[8:], b)
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	hex.Encode(text[0:8], raw[0:4])
	text[8] = '-'
	hex.Encode(text[9:13], raw[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], raw[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], raw[8:10])
	text[23] = '-'
	hex.Encode(text[24:36], raw[10:16])
}

// clientCertificate returns X-Forwarded-Client-Cert for a verified client
// certificate, or "" (Envoy's SANITIZE_SET with subject, certificate and SANs).
func clientCertificate(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return forwardedClientCert(r.TLS.PeerCertificates[0])
}
