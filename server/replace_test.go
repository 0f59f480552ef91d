package server

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func TestReplaceIsAllOrNothing(t *testing.T) {
	var refuse atomic.Bool
	var open atomic.Int64
	c := local(Config{Listen: func(network, address string) (net.Listener, error) {
		if refuse.Load() {
			return nil, errors.New("refused")
		}
		l, err := net.Listen(network, address)
		open.Add(1)
		return closing{l, &open}, err
	}}, 80, 81, 82)
	s, gw := start(t, toApp(says("old")).Server(plain(80)).Server(plain(81)), c)
	answer := func(port int) string {
		conn, in := dial(t, s, port)
		_, body := ask(t, conn, in, get)
		return body
	}
	before := gw.String()

	require.Error(t, s.Replace(toApp(says("new")).Server(plain(80)).Route(spec.Route{})), "the configuration is invalid")
	refuse.Store(true)
	require.EqualError(t, s.Replace(toApp(says("new")).Server(plain(80)).Server(plain(82))), "port 82: refused")
	require.Equal(t, before, gw.String())
	require.Equal(t, "old", answer(80))
	require.Equal(t, "old", answer(81))

	refuse.Store(false)
	require.NoError(t, s.Replace(toApp(says("new")).Server(plain(80)).Server(plain(82))))
	require.Equal(t, "new", answer(80))
	require.Equal(t, "new", answer(82))
	require.Nil(t, s.Addr(81))
	require.EqualValues(t, 2, open.Load())
	require.NoError(t, s.Shutdown(t.Context()))
	require.ErrorIs(t, s.Replace(gateway.New()), http.ErrServerClosed)
	require.NoError(t, gw.Close())
}
