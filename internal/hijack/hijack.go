// Package hijack tells whether a response writer gives away its connection.
package hijack

import "net/http"

// Can reports whether w, or a writer that it wraps, is an http.Hijacker, so that an
// http.ResponseController can hijack its connection.
func Can(w http.ResponseWriter) bool {
	for {
		if _, ok := w.(http.Hijacker); ok {
			return true
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = wrapper.Unwrap()
	}
}
