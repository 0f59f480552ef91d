package program

import (
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/upstream"
)

// maxNominated is the maximum number of tokens in a Connection header.
const maxNominated = 9

// withoutNominated returns a request without the headers that its Connection
// header names (RFC 9110, section 7.6.1). Like Envoy, it does so before
// anything is decided or added. So a client can neither be routed by a header
// that is not forwarded nor remove one of the gateway's headers. ok is false if
// Envoy answers 400: if a token would hide where a request comes from, or names
// a pseudo-header, or there are ten tokens or more.
func withoutNominated(r *http.Request, connection []string) (without *http.Request, ok bool) {
	if len(connection) == 1 && connection[0] == "keep-alive" {
		return r, true // as browsers send it
	}
	tokens, found := 0, false
	for _, line := range connection {
		for token := range strings.SplitSeq(line, ",") {
			token = strings.TrimSpace(token)
			if token == "" {
				continue
			}
			if tokens++; tokens > maxNominated || token[0] == ':' {
				return r, false
			}
			if strings.EqualFold(token, "keep-alive") || strings.EqualFold(token, "close") {
				continue
			}
			switch key := http.CanonicalHeaderKey(token); key {
			case "Upgrade", "Http2-Settings", "Te", "Connection":
			case edge.ForwardedForHeader, edge.ForwardedProtoHeader, "X-Forwarded-Host":
				return r, false
			default:
				_, present := r.Header[key]
				found = found || present
			}
		}
	}
	if !found {
		return r, true
	}
	without = new(http.Request)
	*without = *r
	without.Header = r.Header.Clone()
	upstream.RemoveNominated(without.Header)
	return without, true
}
