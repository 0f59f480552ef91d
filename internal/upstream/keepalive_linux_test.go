package upstream

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeepAlive(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	for name, row := range map[string]struct {
		keepAlive *net.KeepAliveConfig
		want      map[int]int
	}{
		"given": {
			&net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 4},
			map[int]int{syscall.TCP_KEEPIDLE: 30, syscall.TCP_KEEPINTVL: 5, syscall.TCP_KEEPCNT: 4},
		},
		"default": {nil, map[int]int{syscall.TCP_KEEPIDLE: 15, syscall.TCP_KEEPINTVL: 15}},
		"off":     {&net.KeepAliveConfig{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := to(Direct, listener.Addr().String())
			c.KeepAlive = row.keepAlive
			u := newUpstream(t, c)
			conn, err := u.config.connect(t.Context(), u.hosts.Load().hosts[0], new(purpose), u.config.ConnectTimeout)
			require.NoError(t, err)
			defer conn.Close()
			raw, err := conn.(*net.TCPConn).SyscallConn()
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(fd uintptr) {
				on, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
				require.NoError(t, err)
				require.Equal(t, row.want != nil, on != 0)
				for option, want := range row.want {
					got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option)
					require.NoError(t, err)
					require.Equal(t, want, got)
				}
			}))
		})
	}
}
