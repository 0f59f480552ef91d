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

// Every way to write an address in X-Forwarded-For is one client.
func TestForwardedClientAddress(t *testing.T) {
	const peer = "192.0.2.1"
	for entry, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", "1.2.3.4:80": "1.2.3.4", "1.2.3.4:0": "1.2.3.4", "1.2.3.4:65535": "1.2.3.4",
		"2001:db8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "[2001:db8::1]:443": "2001:db8::1",
		"2001:DB8:0:0::1": "2001:db8::1", "[2001:DB8::0001]:443": "2001:db8::1", "2001:db8::1:443": "2001:db8::1:443",
		"fe80::1%eth0": "fe80::1", "[fe80::1%eth0]": "fe80::1", "[fe80::1%eth0]:443": "fe80::1", "fe80::1": "fe80::1",
		"::ffff:1.2.3.4": "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:80": "::ffff:1.2.3.4", "::": "::",
		" 1.2.3.4:80 ": "1.2.3.4",
		// These are no addresses.
		"1.2.3.4:": peer, "1.2.3.4:http": peer, "1.2.3.4:65536": peer, "1.2.3.4:-1": peer, "1.2.3.4:80:80": peer, "1.2.3": peer,
		"1.2.3.4%eth0": peer, "[1.2.3.4]": peer, "[1.2.3.4]:80": peer, "[2001:db8::1": peer, "2001:db8::1]": peer, "2001:db8::1]:80": peer,
		"[2001:db8::1]:": peer, "[2001:db8::1]80": peer, "[[2001:db8::1]]": peer, "[]": peer, "[]:80": peer, "fe80::1%": peer,
		"\"1.2.3.4\"": peer, "1.2.3.4/32": peer, "unknown": peer, ":80": peer, "": peer, "a.test:80": peer,
	} {
		e := Edge{Trusted: 1}
		for _, list := range []string{entry, "9.9.9.9," + entry} {
			r := &http.Request{RemoteAddr: peer + ":1234", Header: http.Header{ForwardedForHeader: {list}}}
			require.Equal(t, want, e.ClientAddress(r), "%q", list)
		}
		e.Trusted = 2
		r := &http.Request{RemoteAddr: peer + ":1234", Header: http.Header{ForwardedForHeader: {entry + ", 9.9.9.9"}}}
		require.Equal(t, want, e.ClientAddress(r), "%q before another", entry)
		e.Trusted = 0
		require.Equal(t, peer, e.ClientAddress(r), "%q is not trusted", entry)
	}
}

// An address as it is usually written costs nothing.
func TestForwardedClientAddressAllocations(t *testing.T) {
	e := Edge{Trusted: 1}
	for _, entry := range []string{"1.2.3.4", "2001:db8::1"} {
		r := &http.Request{RemoteAddr: "192.0.2.1:1234", Header: http.Header{ForwardedForHeader: {entry}}}
		require.Zero(t, testing.AllocsPerRun(100, func() { e.ClientAddress(r) }), entry)
	}
}
