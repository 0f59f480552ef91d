package edge

import (
	"net/url"
	"strings"
)

// A Passage is the treatment of a header of a client's request.
type Passage uint8

const (
	// Kept means forwarded.
	Kept Passage = iota
	// Dropped means not forwarded: the header applies to one connection only,
	// or the edge writes it itself.
	Dropped
	// KeptForUpgrade means forwarded only with a WebSocket handshake.
	KeptForUpgrade
	// Tidied means forwarded in part.
	Tidied
)

// Keeps returns the treatment of a header of a client's request.
func Keeps(key string) Passage {
	switch key {
	case "Connection", "Upgrade":
		return KeptForUpgrade
	case "Keep-Alive", "Proxy-Connection", "Transfer-Encoding",
		ForwardedForHeader, ForwardedProtoHeader, RequestIDHeader, ClientCertHeader:
		return Dropped
	case "Te", "Referer":
		return Tidied
	}
	if strings.HasPrefix(key, "X-Envoy-") && InternalHeaders[key] {
		return Dropped
	}
	return Kept
}

// Tidy returns the forwarded part of a header: of TE the word trailers, and a
// Referer if it is one absolute URI.
func Tidy(key string, lines []string) []string {
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

// trailersOnly must not be changed. Code that keeps it copies it.
var trailersOnly = []string{"trailers"}
