package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
)

func TestStartReportsAllThatIsWrong(t *testing.T) {
	gw, err := toApp(says("")).Server(plain(80)).Server(plain(81)).Server(plain(82)).Build()
	require.NoError(t, err)
	defer gw.Close()
	var open atomic.Int64
	c := Config{Listen: func(network, address string) (net.Listener, error) {
		if address != ":81" {
			return nil, errors.New("no " + network + " " + address)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		open.Add(1)
		return closing{l, &open}, err
	}}
	s := New(gw, c)
	require.EqualError(t, s.Start(), "port 80: no tcp :80\nport 82: no tcp :82")
	require.Zero(t, open.Load())
	require.Empty(t, s.Ports())
	require.Nil(t, s.Addr(81))
	require.ErrorContains(t, s.Sync(), "Server closed")
	require.NoError(t, s.Shutdown(t.Context()))
}

// A closing listener is counted while it is open.
type closing struct {
	net.Listener
	open *atomic.Int64
}

func (l closing) Close() error {
	l.open.Add(-1)
	return l.Listener.Close()
}

func TestSyncOpensAndCloses(t *testing.T) {
	h := newSlow()
	s, gw := start(t, toApp(h.ServeHTTP).Server(plain(80)).Server(plain(81)), local(Config{}, 80, 81, 82))
	kept, closed := s.Addr(80).String(), s.Addr(81).String()
	conn, in := dial(t, s, 81)
	_, err := io.WriteString(conn, get)
	require.NoError(t, err)
	testwire.Within(t, h.arrived)

	require.NoError(t, gw.Replace(toApp(says("new")).Server(plain(80)).Server(plain(82))))
	require.NoError(t, s.Sync())
	require.Equal(t, kept, s.Addr(80).String())
	require.Nil(t, s.Addr(81))
	refused(t, closed)
	for _, port := range []int{80, 82} {
		c, in := dial(t, s, port)
		_, body := ask(t, c, in, get)
		require.Equal(t, "new", body)
	}
	close(h.goOn)
	_, body := ask(t, conn, in, "")
	require.Equal(t, "done", body, "a request of before is finished")
}

func TestSyncKeepsWhatItCannotReplace(t *testing.T) {
	var refuse atomic.Bool
	c := local(Config{Listen: func(network, address string) (net.Listener, error) {
		if refuse.Load() {
			return nil, errors.New("refused")
		}
		return net.Listen(network, address)
	}}, 80, 81, 82, 83)
	s, gw := start(t, toApp(says("app")).Server(plain(80)).Server(plain(81)), c)
	before := s.Ports()
	refuse.Store(true)
	require.NoError(t, gw.Replace(toApp(says("app")).Server(plain(80)).Server(plain(82)).Server(plain(83))))
	require.EqualError(t, s.Sync(), "port 82: refused\nport 83: refused")
	require.Equal(t, before, s.Ports())
	response, _ := raw(t, s, get)
	require.Equal(t, 200, response.StatusCode)
	refuse.Store(false)
	require.NoError(t, s.Sync())
	require.Len(t, s.Ports(), 3)
}

// A server that changes its number keeps its socket if both numbers have the
// same address.
func TestSyncHandsSocketsOn(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	s, gw := start(t, toApp(says("app")).Server(plain(80)), Config{Addresses: map[int]string{80: address, 81: address}})
	conn, in := dial(t, s, 80)
	ask(t, conn, in, get)
	require.NoError(t, gw.Replace(toApp(says("app")).Server(plain(81))))
	require.NoError(t, s.Sync())
	require.Equal(t, address, s.Addr(81).String())
	_, err = in.ReadByte()
	require.Error(t, err, "connections of the port that is no more are closed")
	again, in := dial(t, s, 81)
	_, body := ask(t, again, in, get)
	require.Equal(t, "app", body)
}

func TestSyncRenewsCertificates(t *testing.T) {
	ca := newAuthority(t)
	old, fresh := ca.issue("old"), ca.issue("fresh")
	credentials := map[string]gateway.Credential{"c": {Certificate: old}}
	s, _ := start(t, toApp(says("app")).Server(secure("a.test", simple("c"))), local(Config{Credentials: credentials}, 443))
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}
	conn, err := tls.Dial("tcp", s.Addr(443).String(), config)
	require.NoError(t, err)
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask(t, conn, in, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	shown := func() string {
		state, _, err := shake(t, s, config)
		require.NoError(t, err)
		return state.PeerCertificates[0].Subject.CommonName
	}
	require.Equal(t, "old", shown())

	credentials["c"] = gateway.Credential{Certificate: fresh}
	require.NoError(t, s.Sync())
	require.Equal(t, "fresh", shown())
	_, body := ask(t, conn, in, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	require.Equal(t, "app", body, "a new certificate ends no connection")

	delete(credentials, "c")
	require.NoError(t, s.Sync())
	require.Equal(t, "fresh", shown())
	require.Len(t, s.Warnings(), 1)
	require.Contains(t, s.Warnings()[0].String(), `there is no credential "c": what was read before stays`)
}

func TestSyncEndsConnectionsUnderOldTerms(t *testing.T) {
	ca := newAuthority(t)
	build := func(mode spec.TLSMode) *gateway.Builder {
		return toApp(says("app")).Server(secure("a.test", spec.ServerTLS{Mode: mode, CredentialName: "c"}))
	}
	s, gw := start(t, build(spec.TLSSimple), local(Config{Credentials: map[string]gateway.Credential{
		"c": {Certificate: ca.issue("c"), CAs: ca.pool},
	}}, 443))
	address := s.Addr(443)
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}
	conn, err := tls.Dial("tcp", address.String(), config)
	require.NoError(t, err)
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask(t, conn, in, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")

	require.NoError(t, gw.Replace(build(spec.TLSMutual)))
	_, _, err = shake(t, s, config)
	require.Error(t, err, "new terms hold from the replacement on")
	require.NoError(t, s.Sync())
	require.Equal(t, address, s.Addr(443))
	_, err = in.ReadByte()
	require.Error(t, err)
	client := ca.issue("client")
	config.Certificates = []tls.Certificate{*client}
	_, body, err := shake(t, s, config)
	require.NoError(t, err)
	require.Equal(t, "app", body)
}
