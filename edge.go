package gateway

import (
	"encoding/binary"
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
	semantics semanticsMode
	// trusted is the number of proxies in front (Istio's numTrustedProxies).
	trusted int
	random  func() uint64
	ids     *requestIDs
	// open says that there is no edge: a feature alone around a handler sees
	// and passes on the headers as they came.
	open bool
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

// edgeHeaderCount is how many headers every request gets: X-Forwarded-For,
// X-Forwarded-Proto and X-Request-Id.
const edgeHeaderCount = 3

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
func (e *edge) value(r *http.Request, key string) (string, bool) {
	if e.open {
		return joined(r.Header[key])
	}
	switch key {
	case headerForwardedProto:
		return e.forwardedProto(r), true
	case headerForwardedFor:
		list := e.forwardedFor(r)
		return list, list != ""
	case headerRequestID:
		return "", true
	case headerExternal:
		client := e.clientAddress(r)
		return client, client != ""
	case headerClientCert:
		cert := clientCertificate(r)
		return cert, cert != ""
	}
	return "", false
}

// scheme returns "https" or "http": that of the connection, or what a trusted
// proxy says.
func (e *edge) scheme(r *http.Request) string {
	if e.trusted > 0 {
		if proto, _ := joined(r.Header[headerForwardedProto]); proto == "https" || proto == "http" {
			return proto
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// forwardedProto returns X-Forwarded-Proto: a trusted proxy's as it came, or the
// scheme.
func (e *edge) forwardedProto(r *http.Request) string {
	if e.trusted > 0 {
		if proto, ok := joined(r.Header[headerForwardedProto]); ok {
			return proto
		}
	}
	return e.scheme(r)
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

// peerAddress returns the IP address of the connection's other end, without
// port, or "" if there is none, as on a Unix socket.
func peerAddress(r *http.Request) string {
	addr := r.RemoteAddr
	if strings.HasPrefix(addr, "[") {
		addr, _, _ = strings.Cut(addr[1:], "]")
	} else if i := strings.IndexByte(addr, ':'); i >= 0 && i == strings.LastIndexByte(addr, ':') {
		// An IPv6 address without brackets has no port: middlewares that put
		// the client's address in place of the peer's leave it so.
		addr = addr[:i]
	}
	for i := 0; i < len(addr) && addr[i] != '%'; i++ {
		if c := addr[i]; c != '.' && c != ':' && !isHexDigit(c) {
			return ""
		}
	}
	return addr
}

func isHexDigit(c byte) bool {
	_, ok := hexDigit(c)
	return ok
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
// Referer if it is one absolute URI.
func tidy(key string, lines []string) []string {
	if key == "Te" {
		for _, line := range lines {
			for part := range strings.SplitSeq(line, ",") {
				if name, _, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), "trailers") {
					return trailersOnly
				}
			}
		}
		return nil
	}
	if len(lines) != 1 {
		return nil
	}
	if u, err := url.Parse(lines[0]); err != nil || u.Scheme == "" || u.Host == "" {
		return nil
	}
	return lines
}

// trailersOnly is never written to: who keeps it copies it.
var trailersOnly = []string{"trailers"}

// clientHeaders are what the edge tells destinations about a request's client.
// What is empty is not sent.
type clientHeaders struct {
	// chain is X-Forwarded-For, proto X-Forwarded-Proto.
	chain, proto string
	// address is X-Envoy-External-Address, where that is sent.
	address string
	// certificate is X-Forwarded-Client-Cert.
	certificate string
}

// describe returns what destinations are told. It looks at the header as it came.
func (e *edge) describe(r *http.Request) clientHeaders {
	if e.open {
		return clientHeaders{}
	}
	c := clientHeaders{chain: e.forwardedFor(r), proto: e.forwardedProto(r), certificate: clientCertificate(r)}
	if e.semantics.edgeHeadersFirst() {
		c.address = e.clientAddress(r)
	}
	return c
}

// edgeHeadersBefore writes the edge's headers that come before the route's operations.
func (x *exchange) edgeHeadersBefore(c *clientHeaders) {
	e := &x.program.edge
	if e.open || !e.semantics.edgeHeadersFirst() {
		return
	}
	h := x.req.Header
	if c.chain != "" {
		h[headerForwardedFor] = x.one(c.chain)
	}
	h[headerForwardedProto] = x.one(c.proto)
	h[headerRequestID] = x.one(e.requestID())
	if c.address != "" {
		h[headerExternal] = x.one(c.address)
	}
	if c.certificate != "" {
		h[headerClientCert] = x.one(c.certificate)
	}
}

// edgeHeadersAfter writes the edge's headers that come after the route's operations, where
// those have not written them.
func (x *exchange) edgeHeadersAfter(c *clientHeaders) {
	e := &x.program.edge
	if e.open || e.semantics.edgeHeadersFirst() {
		return
	}
	h, d := x.req.Header, x.dest
	if c.chain != "" && (d.writes&writesForwardedFor == 0 || len(h[headerForwardedFor]) == 0) {
		h[headerForwardedFor] = x.one(c.chain)
	}
	if d.writes&writesForwardedProto == 0 || len(h[headerForwardedProto]) == 0 {
		h[headerForwardedProto] = x.one(c.proto)
	}
	if d.writes&writesRequestID == 0 || len(h[headerRequestID]) == 0 {
		h[headerRequestID] = x.one(e.requestID())
	}
	if c.certificate != "" && len(h[headerClientCert]) == 0 {
		h[headerClientCert] = x.one(c.certificate)
	}
}

// idBatch is how many request ids are made at once.
const idBatch = 16

// requestIDs are batches of ids that are not all used. An id is a part of its
// batch's text, which saves an allocation for each.
type requestIDs struct{ batches sync.Pool }

// A requestIDBatch is a batch, of which the first used ids were given out.
type requestIDBatch struct {
	text string
	used int
}

// requestID returns a new random UUID (RFC 9562, version 4).
func (e *edge) requestID() string {
	batch, _ := e.ids.batches.Get().(*requestIDBatch)
	if batch == nil {
		batch = &requestIDBatch{used: idBatch}
	}
	if batch.used == idBatch {
		var text [36 * idBatch]byte
		for i := range idBatch {
			putUUID((*[36]byte)(text[36*i:]), e.random(), e.random())
		}
		batch.text, batch.used = string(text[:]), 0
	}
	id := batch.text[36*batch.used:][:36]
	batch.used++
	e.ids.batches.Put(batch)
	return id
}

// putUUID writes the version 4 UUID of 128 random bits, of which six are fixed.
func putUUID(text *[36]byte, a, b uint64) {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], a)
	binary.LittleEndian.PutUint64(raw[8:], b)
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	for i, at := range uuidDigits {
		binary.LittleEndian.PutUint16(text[at:], hexPairs[raw[i]])
	}
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
}

// uuidDigits are where the 16 bytes stand in a UUID's text.
var uuidDigits = [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// hexPairs are the two hexadecimal digits of each byte, the first in the low bits.
var hexPairs = func() (t [256]uint16) {
	const digits = "0123456789abcdef"
	for i := range t {
		t[i] = uint16(digits[i>>4]) | uint16(digits[i&15])<<8
	}
	return t
}()

// edgeWrites says which of the edge's headers a route's operations may write.
type edgeWrites uint8

const (
	writesForwardedFor edgeWrites = 1 << iota
	writesForwardedProto
	writesRequestID
)

// writesOf returns which of the edge's headers operations may write.
func writesOf(levels [2]*headerProgram) (w edgeWrites) {
	for _, ops := range levels {
		if ops == nil {
			continue
		}
		for _, list := range [][]headerValue{ops.set, ops.add} {
			for i := range list {
				// A computed value may ask for the request's id, and so make it.
				if list[i].format != nil {
					w |= writesRequestID
				}
				switch list[i].key {
				case headerForwardedFor:
					w |= writesForwardedFor
				case headerForwardedProto:
					w |= writesForwardedProto
				case headerRequestID:
					w |= writesRequestID
				}
			}
		}
	}
	return w
}

// clientCertificate returns X-Forwarded-Client-Cert for a verified client
// certificate, or "" (Envoy's SANITIZE_SET with subject, certificate and SANs).
func clientCertificate(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return forwardedClientCert(r.TLS.PeerCertificates[0])
}
