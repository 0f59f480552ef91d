package testhttp

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lateengo/gateway/spec"
)

// TimedOutAfter is a route whose time is up after d.
func TimedOutAfter(d time.Duration) spec.Route {
	return spec.Route{Timeout: d, Destinations: []spec.Destination{{Host: "spy"}}}
}

// OutcomeOf serves a request and returns the panic that ended it, if one did,
// and how long it took.
func OutcomeOf(h http.Handler, r *http.Request) (w *httptest.ResponseRecorder, took time.Duration, panicked any) {
	w = httptest.NewRecorder()
	began := time.Now()
	func() {
		defer func() { panicked = recover() }()
		h.ServeHTTP(Informed{w, func(http.Header) {}}, r)
	}()
	return w, time.Since(began), panicked
}

// Informed sees informational responses, which a recorder takes for final ones.
type Informed struct {
	http.ResponseWriter
	See func(http.Header)
}

func (w Informed) WriteHeader(status int) {
	if status < 200 {
		w.See(w.Header().Clone())
		return
	}
	w.ResponseWriter.WriteHeader(status)
}
