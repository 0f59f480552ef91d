package program

import (
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
