package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

func TestConnectionsAreKept(t *testing.T) {
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s", r.Host, r.URL.Path)
	}), local(Config{}, 80))
	conn, in := dial(t, s, 80)
	for _, path := range []string{"/a", "/b"} {
		response, body := ask(t, conn, in, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, 200, response.StatusCode)
		require.Equal(t, "x "+path, body)
	}
	_, body := ask(t, conn, in, "GET http://other/c HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, "other /c", body, "the authority of an absolute target goes before Host")
}

func TestPriorKnowledge(t *testing.T) {
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }), local(Config{}, 80))
	response, err := overH2C(t).Get("http://" + s.Addr(80).String())
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", string(body))
}

func TestHostileRequests(t *testing.T) {
	s, _ := start(t, toApp(says("app")), local(Config{}, 80))
	large := strings.Repeat("x", 70<<10)
	tests := []struct {
		name, text string
		want       int
	}{
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 404},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"a Host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		{"NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
		{"a length that is none", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400},
		{"an unknown transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
		{"a large header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + large + "\r\n\r\n", 431},
		{"a large target", "GET /" + large + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		{"a target with another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"a target with a WebSocket's scheme", "GET ws://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"a target with the scheme", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 200},
		{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", 400},
		{"a request", get, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response, _ := raw(t, s, tt.text)
			require.Equal(t, tt.want, response.StatusCode)
		})
	}
	t.Run("a large header over HTTP/2", func(t *testing.T) {
		r, err := http.NewRequest("GET", "http://"+s.Addr(80).String(), nil)
		require.NoError(t, err)
		r.Header["X"] = []string{large[:31<<10], large[:31<<10]}
		response, err := overH2C(t).Do(r)
		if err != nil {
			// The client knows the limit by now.
			require.ErrorContains(t, err, "larger than peer's advertised limit")
			return
		}
		response.Body.Close()
		require.Equal(t, 431, response.StatusCode)
	})
}

func TestSlowHeadsEnd(t *testing.T) {
	c := local(Config{ReadHeaderTimeout: 1}, 80)
	s, _ := start(t, toApp(says("app")), c)
	for _, text := range []string{"", "GET / HTTP/1.1\r\nHost:", "PRI * HTTP/2.0\r\n"} {
		conn, in := dial(t, s, 80)
		_, _ = io.WriteString(conn, text)
		_, err := in.ReadByte()
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server did not close the connection")
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	s, _ := start(t, toApp(says("app")), local(Config{IdleTimeout: 1}, 80))
	conn, in := dial(t, s, 80)
	ask(t, conn, in, get)
	_, err := in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	server := spec.Server{Port: 0, Bind: "unix://" + path, Hosts: []string{"*"}}
	s, _ := start(t, toApp(says("app")).Server(server), Config{})
	require.Equal(t, []Port{{Listener: "unix://" + path + "_0", Bind: "unix://" + path, Addr: &net.UnixAddr{Net: "unix", Name: path}}}, s.Ports())
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer conn.Close()
	_, body := ask(t, conn, bufio.NewReader(conn), get)
	require.Equal(t, "app", body)
}

func TestPlaces(t *testing.T) {
	gw, err := toApp(says("")).Server(plain(80)).Server(plain(81)).
		Server(spec.Server{Port: 80, Bind: "127.0.0.1", Hosts: []string{"*"}}).
		Server(spec.Server{Port: 82, Bind: "::1", Hosts: []string{"*"}}).
		Server(spec.Server{Port: 83, Bind: "127.0.0.1", Hosts: []string{"*"}}).Build()
	require.NoError(t, err)
	defer gw.Close()
	s := New(gw, Config{Addresses: map[int]string{80: "127.0.0.2:8080", 83: "unix:/a"}})
	require.Equal(t, []place{
		{"tcp", "127.0.0.2:8080"}, {"tcp", "127.0.0.1:80"}, {"tcp", ":81"}, {"tcp", "[::1]:82"}, {"unix", "/a"},
	}, s.places(gw.Listeners()))
	require.Equal(t, place{"unix", "@a"}, parsePlace("unix://@a"))
}
