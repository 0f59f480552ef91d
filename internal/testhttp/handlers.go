package testhttp

import (
	"io"
	"net/http"
)

// Discarding is a response writer that keeps nothing.
type Discarding struct{ header http.Header }

// NewDiscarding returns one with an empty header.
func NewDiscarding() Discarding { return Discarding{http.Header{}} }

func (w Discarding) Header() http.Header { return w.header }

func (w Discarding) Write(p []byte) (int, error) { return len(p), nil }

func (w Discarding) WriteHeader(int) {}

// Saying answers with a text.
func Saying(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

var AnswerOK = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
