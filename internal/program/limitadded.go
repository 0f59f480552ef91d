package program

import (
	"net/http"

	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/match"
)

// addToRequest gives the request of v more headers. It is then a copy.
func addToRequest(v *match.View, more http.Header) {
	if len(more) == 0 {
		return
	}
	r := *v.Request
	r.Header = r.Header.Clone()
	add(r.Header, more, func(key, value string) bool { return !header.IsHost(key) && header.WritesRequest(key, value) })
	v.Request, v.Owned = &r, false
}

// addToResponse gives a response more headers.
func addToResponse(to, more http.Header) { add(to, more, header.WritesResponse) }

// add adds the headers that are valid and written.
func add(to, more http.Header, written func(key, value string) bool) {
	for name, values := range more {
		if !field.IsName(name) {
			continue
		}
		key := http.CanonicalHeaderKey(name)
		for _, value := range values {
			if field.Value(value) == value && written(key, value) {
				to[key] = append(to[key], value)
			}
		}
	}
}
