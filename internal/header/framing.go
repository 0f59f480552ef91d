package header

import (
	"strings"
)

// Framing reports whether the header with a canonical key says where the body of a
// message ends. Whoever sends the message writes it. Another value would break
// what comes after, so no operation writes it.
func Framing(key string) bool { return key == "Content-Length" || key == "Transfer-Encoding" }

// Refused reports whether Envoy would send a header with a canonical key that an
// operation writes, although it breaks the message. From responses Envoy removes
// Transfer-Encoding.
func Refused(key string, response bool) bool {
	return Framing(key) && !(response && key == "Transfer-Encoding")
}

// ofConnection reports whether the header with a canonical key is about one
// connection. The gateway removes the peer's headers of this kind, and writes its
// own.
func ofConnection(key string) bool {
	switch key {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Upgrade":
		return true
	}
	return false
}

// WritesRequest reports whether an operation that sets or adds a header of a
// request has an effect.
func WritesRequest(key, value string) bool {
	switch key {
	case "Trailer", "Http2-Settings":
		return false
	case "Te":
		return strings.EqualFold(value, "trailers")
	}
	return !Framing(key) && !ofConnection(key)
}

// WritesResponse is WritesRequest for a response.
func WritesResponse(key, _ string) bool { return !Framing(key) && !ofConnection(key) }

// RemovesRequest reports whether an operation that removes a header of a request
// has an effect.
func RemovesRequest(key string) bool { return !Framing(key) }

// RemovesResponse is RemovesRequest for a response. Without its Content-Length a
// body is sent in chunks. Without its Connection the gateway might read the rest
// of a request as another one.
func RemovesResponse(key string) bool { return key != "Transfer-Encoding" && !ofConnection(key) }
