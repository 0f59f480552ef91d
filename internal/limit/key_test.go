package limit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClientNetwork(t *testing.T) {
	for _, row := range []struct{ address, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.2", "192.0.2.2"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2::", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"fe80::2%eth1", "fe80::/64"},
		{"::1", "::/64"},
	} {
		require.Equal(t, row.want, networkText(clientNetwork(row.address)), row.address)
	}
	for _, address := range []string{"", "@", "a.com", "192.0.2", "192.0.2.1:80"} {
		require.False(t, clientNetwork(address).IsValid(), address)
	}
}
