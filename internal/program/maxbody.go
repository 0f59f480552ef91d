package program

import (
	"net/http"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
)

// admitBody refuses a request whose body is known to be longer than its route allows,
// before a destination sees it. A body of unknown length is cut off at that length: its
// reader gets an *http.MaxBytesError.
func (p *Program) admitBody(w http.ResponseWriter, v *match.View, rt *Route, origin string) bool {
	r := v.Request
	if rt.IsTooLong(r) {
		v.Record.Ended("", observe.DetailsPayloadTooLarge)
		p.RefuseBody(w, r, rt, origin)
		return false
	}
	if r.ContentLength >= 0 {
		return true // The server reads no more than that.
	}
	// The body may be read while the response is written, so the reader does not get the
	// writer. The server ends the connection if much of the body is left.
	limited := http.MaxBytesReader(nil, r.Body, rt.MaxBody)
	if v.Owned {
		r.Body = limited
		return true
	}
	copied := *r
	copied.Body = limited
	v.Request = &copied
	return true
}

// IsTooLong reports whether the body of a request is known to be longer than the route allows.
func (rt *Route) IsTooLong(r *http.Request) bool {
	return rt.MaxBody > 0 && r.ContentLength > rt.MaxBody
}

// RefuseBody answers a request whose body is too long.
func (p *Program) RefuseBody(w http.ResponseWriter, r *http.Request, rt *Route, origin string) {
	if r.ProtoMajor == 1 {
		// Nobody reads the body.
		w.Header()["Connection"] = []string{"close"}
	}
	if origin != "" {
		rt.CORS.decorate(w.Header(), origin)
	}
	p.localReply(w, r, http.StatusRequestEntityTooLarge, "Payload Too Large")
}
