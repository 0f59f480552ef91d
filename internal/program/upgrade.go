package program

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/field"
)

// isUpgrade reports whether a client asks to change the protocol. h2c is
// ignored, as in Envoy.
func isUpgrade(r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 || r.ProtoMajor != 1 {
		return false
	}
	upgrade, _ := field.Joined(r.Header["Upgrade"])
	return field.HasToken(r.Header["Connection"], "upgrade") && !strings.EqualFold(upgrade, "h2c")
}

// isWebSocket reports whether a client asks for a WebSocket.
func isWebSocket(r *http.Request) bool {
	return len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") &&
		field.HasToken(r.Header["Connection"], "upgrade")
}

// logRefusedUpgrade logs that the client's connection cannot be hijacked. It names
// the type that is to blame, the innermost writer that the gateway can reach: the
// client cannot know, and the program that wraps the gateway can be changed.
func (x *exchange) logRefusedUpgrade(w http.ResponseWriter) {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = wrapper.Unwrap()
	}
	x.program.Log.LogAttrs(x.in.Context(), slog.LevelWarn, "upgrade refused: the ResponseWriter can neither be hijacked nor unwrapped",
		slog.String("destination", x.dest.Host), slog.String("writer", fmt.Sprintf("%T", w)))
}

// logFailedUpgrade logs that the client's connection could not be hijacked, although
// its writer has the method, after a destination has switched protocols. It is too
// late to answer: the connection is closed.
func (x *exchange) logFailedUpgrade(err error) {
	x.program.Log.LogAttrs(x.in.Context(), slog.LevelError, "upgrade failed: the connection could not be hijacked",
		slog.String("destination", x.dest.Host), slog.String("error", err.Error()))
}
