package upstream

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
)

// A retrier is a response writer that retries failures to connect, or does not.
type retrier struct {
	hostRecorder
	retries bool
}

func (w *retrier) RetriesConnect() bool { return w.retries }

// A host that drops packets costs a second, not ten, if another one can have the
// request.
func TestEarlyConnectTimeout(t *testing.T) {
	const early, late = time.Second, 10 * time.Second
	for _, row := range []struct {
		name      string
		hosts     []string
		configure func(*Config)
		final     bool   // no other try follows
		tried     string // a host
		ejected   string
		want      time.Duration
	}{
		{name: "another host", hosts: []string{"1", "2"}, want: early},
		{name: "the only host", hosts: []string{"1"}, want: late},
		{name: "the last try", hosts: []string{"1", "2"}, final: true, want: late},
		{name: "the other host was tried", hosts: []string{"1", "2"}, tried: "2", want: late},
		{name: "of three one was tried", hosts: []string{"1", "2", "3"}, tried: "2", want: early},
		{name: "the other host is ejected", hosts: []string{"1", "2"}, ejected: "2", want: late},
		{name: "not configured", hosts: []string{"1", "2"}, configure: func(c *Config) { c.EarlyConnectTimeout = 0 }, want: late},
		{name: "a shorter timeout", hosts: []string{"1", "2"}, configure: func(c *Config) { c.ConnectTimeout = time.Second / 2 }, want: time.Second / 2},
		{name: "net/http", hosts: []string{"1", "2"}, configure: func(c *Config) { c.Transport = NetHTTP }, want: early},
		{name: "HTTP/2", hosts: []string{"1", "2"}, configure: func(c *Config) { c.Protocol = HTTP2 }, want: early},
		{name: "limits", hosts: []string{"1", "2"}, configure: func(c *Config) { c.Limits = &Limits{MaxConnections: 1} }, want: early},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := Config{
					Name: t0, EarlyConnectTimeout: early,
					Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
						<-ctx.Done()
						return nil, ctx.Err()
					},
				}
				c.Balancing.Policy = RoundRobin
				for _, host := range row.hosts {
					c.Endpoints = append(c.Endpoints, Endpoint{Address: "10.0.0." + host + ":80"})
				}
				if row.configure != nil {
					row.configure(&c)
				}
				u := newUpstream(t, c)
				r, tried := get("/"), new(Tried)
				for _, h := range u.hosts.Load().hosts {
					at := h.address.Load().address
					if at == "10.0.0."+row.tried+":80" {
						tried.hosts = []*balance.State{&h.state}
						r = r.WithContext(WithTried(r.Context(), tried))
					}
					h.state.Ejected.Store(at == "10.0.0."+row.ejected+":80")
				}
				u.hosts.Load().balancer.Update()
				began := time.Now()
				w := &retrier{hostRecorder{ResponseRecorder: httptest.NewRecorder()}, !row.final}
				u.ServeHTTP(w, r)
				require.Equal(t, FlagConnectFailure, w.failed.Flag)
				require.Contains(t, w.failed.Body, "connection timeout")
				require.Equal(t, row.want, time.Since(began))
			})
		})
	}
}
