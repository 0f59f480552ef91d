package edge

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeerAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1234": "192.0.2.1", "[2001:db8::1]:1234": "2001:db8::1", "[::1]:1": "::1", "[fe80::1%eth0]:1": "fe80::1%eth0",
		"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1",
		"": "", "@": "", "/run/app.sock": "", "pipe": "", "@app:1": "", "evil\r\n:1": "",
	} {
		require.Equal(t, want, PeerAddress(&http.Request{RemoteAddr: remote}), "%q", remote)
	}
}
