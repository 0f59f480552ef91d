package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
)

// A middleware is around the requests of each listener, and can read them afterwards.
func TestWrap(t *testing.T) {
	var seen []int
	var agents []string
	s, _ := start(t, toApp(says("app")).Server(plain(80)), local(Config{Wrap: func(l *gateway.Listener, next http.Handler) http.Handler {
		seen = append(seen, l.Port())
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Wrapped", "yes")
			next.ServeHTTP(w, r)
			agents = append(agents, r.Header.Get("User-Agent"))
		})
	}}, 80))
	conn, in := dial(t, s, 80)
	response, body := ask(t, conn, in, "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n")
	require.Equal(t, "app", body)
	require.Equal(t, "yes", response.Header.Get("X-Wrapped"))
	_, _ = ask(t, conn, in, "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n")
	require.Equal(t, []int{80}, seen)
	require.Equal(t, "test", agents[0])
}

func TestFigures(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{})
	s, _ := start(t, toApp(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
	}).Server(plain(80)), local(Config{}, 80))
	conn, in := dial(t, s, 80)
	go func() {
		<-arrived
		p := s.Ports()[0]
		if p.Accepted != 1 || p.Open != 1 || p.Active != 1 {
			t.Errorf("%+v", p)
		}
		close(release)
	}()
	response, _ := ask(t, conn, in, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.Equal(t, 200, response.StatusCode)
}
