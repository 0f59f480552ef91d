package fieldcases

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"
)

// front serves the handlers around a gateway with net/http alone.
func front(t *testing.T, h http.Handler) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A bareWriter has the three methods of a ResponseWriter.
type bareWriter struct{ w http.ResponseWriter }

func (b bareWriter) Header() http.Header         { return b.w.Header() }
func (b bareWriter) Write(p []byte) (int, error) { return b.w.Write(p) }
func (b bareWriter) WriteHeader(status int)      { b.w.WriteHeader(status) }

// An openWriter is a bareWriter that http.ResponseController can unwrap.
type openWriter struct{ bareWriter }

func (o openWriter) Unwrap() http.ResponseWriter { return o.w }

// openly is a middleware whose writer can be unwrapped.
func openly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(openWriter{bareWriter{w}}, r) })
}

// asIs is no middleware.
func asIs(h http.Handler) http.Handler { return h }

// chiLogger is chi's logger, which logs nothing.
var chiLogger = middleware.RequestLogger(silent{})

type silent struct{}

func (silent) NewLogEntry(*http.Request) middleware.LogEntry   { return silent{} }
func (silent) Write(int, int, http.Header, time.Duration, any) {}
func (silent) Panic(any, []byte)                               {}
