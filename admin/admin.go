// Package admin has the pages about a running gateway: its status with live figures,
// metrics for Prometheus, decisions for requests that are typed in, and health checks.
// All of it only reads.
//
//	page := admin.New(gw, admin.Config{Metrics: &counts, Listeners: listeners})
//	stop, addr, err := page.Listen("127.0.0.1:9901")
//
// The pages show the configuration. Serve them on a loopback address, or behind your
// own authentication.
package admin

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/accesslog"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/server"
)

// A Config has what the pages show beside the Gateway. The zero Config shows the routes
// without figures.
type Config struct {
	// Metrics has the figures. It must also be an observer of the Gateway:
	// Builder.Observe.
	Metrics *metrics.Metrics
	// Listeners has the connections. /readyz answers 503 while it accepts none.
	Listeners *server.Listeners
	// AccessLog has the number of dropped lines.
	AccessLog *accesslog.Logger
	// Failed returns when and why the latest attempt to replace the configuration has
	// failed, or no error. Nil means that the pages do not tell.
	Failed func() (time.Time, error)
	// Pprof serves profiles of the process at /debug/pprof/.
	Pprof bool
	// Hosts are names that requests may have in their Host header, beside
	// localhost and IP addresses. Other names are refused, so that a web page in
	// a browser on this machine cannot read the pages under a name of its own
	// (DNS rebinding).
	Hosts []string
}

// Pages is the http.Handler of all pages. Its methods are safe for concurrent use.
type Pages struct {
	gateway *gateway.Gateway
	config  Config
	mux     *http.ServeMux
	now     func() time.Time

	mu sync.Mutex
	// started is the first sample, and earlier are later ones, oldest first.
	started sample
	earlier []sample
}

// New returns the pages of a gateway.
func New(gw *gateway.Gateway, c Config) *Pages {
	return newPages(gw, c, time.Now)
}

func newPages(gw *gateway.Gateway, c Config, now func() time.Time) *Pages {
	p := &Pages{gateway: gw, config: c, mux: http.NewServeMux(), now: now}
	p.started = p.sample()
	p.mux.HandleFunc("GET /{$}", p.status)
	p.mux.HandleFunc("GET /status", p.status)
	p.mux.HandleFunc("GET /status.json", p.statusJSON)
	p.mux.HandleFunc("GET /decide", p.decide)
	p.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	p.mux.HandleFunc("GET /readyz", p.ready)
	if c.Metrics != nil {
		p.mux.HandleFunc("GET /metrics", p.metrics)
	}
	if c.Pprof {
		p.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		p.mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		p.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		p.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		p.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return p
}

// ServeHTTP serves a page.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+styleHash+"; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	if !p.knows(r.Host) {
		plain(w, http.StatusForbidden, "This name is not one of the admin listener. Use its IP address or localhost.\n")
		return
	}
	p.mux.ServeHTTP(w, r)
}

// metrics answers with all figures for Prometheus.
func (p *Pages) metrics(w http.ResponseWriter, r *http.Request) {
	p.config.Metrics.ServeHTTP(w, r)
	_ = metrics.WriteClusters(w, p.gateway.Clusters())
	_ = metrics.WriteLimiters(w, p.gateway.Limiters())
	_ = metrics.WriteLoads(w, p.gateway.Loads())
	if p.config.Listeners != nil {
		_ = metrics.WritePorts(w, p.config.Listeners.Ports())
		_ = metrics.WriteCertificates(w, p.config.Listeners.Certificates())
	}
}

// knows reports whether requests may have a Host header.
func (p *Pages) knows(authority string) bool {
	host := authority
	if name, _, err := net.SplitHostPort(authority); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || net.ParseIP(host) != nil {
		return true
	}
	for _, name := range p.config.Hosts {
		if strings.EqualFold(host, name) {
			return true
		}
	}
	return false
}

// Listen serves the pages at an address, "host:port". It returns a function that stops
// that, and the address of the listener.
func (p *Pages) Listen(address string) (stop func(), addr net.Addr, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	s := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
		<-done
	}, l.Addr(), nil
}

func (p *Pages) ready(w http.ResponseWriter, _ *http.Request) {
	if p.config.Listeners != nil && len(p.config.Listeners.Ports()) == 0 {
		plain(w, http.StatusServiceUnavailable, "no port accepts connections\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(value)
}
