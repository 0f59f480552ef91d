package http1

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A dated is a second, and how it is written in a Date header.
type dated struct {
	second int64
	text   string
}

var latestDate atomic.Pointer[dated]

// dateOf returns the text of t, which is the same for all responses of a second.
func dateOf(t time.Time) string {
	second := t.Unix()
	if d := latestDate.Load(); d != nil && d.second == second {
		return d.text
	}
	d := &dated{second, t.UTC().Format(http.TimeFormat)}
	latestDate.Store(d)
	return d.text
}
