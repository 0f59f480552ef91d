package testhttp

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/lateengo/gateway/internal/upstream"
)

// A Step is what a backend does when it is called once.
type Step func(w http.ResponseWriter, r *http.Request)

// Status answers with a status, and header fields.
func Status(code int, header ...string) Step {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "body of "+strconv.Itoa(code))
	}
}

// Failing gives no response.
func Failing(flag string) Step {
	f := upstream.Failure{Flag: flag, Status: 503, Body: "failed with " + flag, RequestSent: true, Err: errors.New("broken")}
	if flag == "UF" {
		f.RequestSent = false
	}
	return func(w http.ResponseWriter, _ *http.Request) { w.(upstream.FailureRecorder).UpstreamFailed(f) }
}

// A Script is a backend whose calls follow each other's steps. The last step is
// that of all further calls.
type Script struct {
	Steps []Step
	Mu    sync.Mutex // a call may begin while one that was given up still runs
	Calls int
	// counts and expected are headers that each call got.
	Counts, Expected []string
}

func (s *Script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Mu.Lock()
	do := s.Steps[min(s.Calls, len(s.Steps)-1)]
	s.Calls++
	s.Counts = append(s.Counts, r.Header.Get("X-Envoy-Attempt-Count"))
	s.Expected = append(s.Expected, r.Header.Get("X-Envoy-Expected-Rq-Timeout-Ms"))
	s.Mu.Unlock()
	do(w, r)
}
