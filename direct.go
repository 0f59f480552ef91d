package gateway

import (
	"net/http"
	"strconv"

	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/spec"
)

// DirectResponse returns a middleware that answers every request with the response.
// The error joins an *Error for each problem.
func DirectResponse(d spec.DirectResponse) (func(http.Handler) http.Handler, error) {
	r := spec.Route{DirectResponse: &d}
	return routeMiddleware(&r)
}

// A directProgram is a DirectResponse, compiled.
type directProgram struct {
	status int
	body   []byte
	// length is the Content-Length of body, and shared by all responses.
	length []string
}

func compileDirect(d *spec.DirectResponse) *directProgram {
	if d == nil {
		return nil
	}
	p := &directProgram{d.Status, d.Body, noLength}
	if len(d.Body) > 0 {
		p.length = []string{strconv.Itoa(len(d.Body))}
	}
	return p
}

// location returns the request's own URI, which Envoy sends with 201 and 3xx.
func (p *directProgram) location(v *view) string {
	if p.status == http.StatusCreated || p.status >= 300 && p.status < 400 {
		return v.scheme + "://" + v.r.Host + v.clientTarget()
	}
	return ""
}

func (p *directProgram) serve(gateway *program, w http.ResponseWriter, v *view, c *routeClause) {
	gateway.answer(w, v, c, p.status, p.location(v), p.body, p.length)
}

// Header values that many responses share are never written to: their capacity is
// their length.
var (
	noLength  = []string{"0"}
	plainText = []string{"text/plain"}
)

// answer writes the response of a route that has no destination, whose body has
// the Content-Length length. The route's response operations apply to it.
func (p *program) answer(w http.ResponseWriter, v *view, c *routeClause, status int, location string, body []byte, length []string) {
	h := w.Header()
	p.answerHeader(h, v, c, status, location, len(body) > 0)
	if localreply.IsGRPC(v.r) {
		localreply.Write(w, v.r, status, string(body))
		return
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	h["Content-Length"] = length
	w.WriteHeader(status)
	if len(body) > 0 && v.r.Method != http.MethodHead {
		// A failure is one of the client's connection, which nobody can be told.
		_, _ = w.Write(body)
	}
}

// answerHeader puts the header of such a response in h.
func (p *program) answerHeader(h http.Header, v *view, c *routeClause, status int, location string, body bool) {
	delete(h, "Content-Type")
	if location != "" {
		h["Location"] = []string{location}
	}
	if ops := c.route.response; ops != nil {
		x := &exchange{program: p, in: v.r, v: *v, clause: c}
		context := formatContext{x: x, request: v.r.Header, response: h, status: status}
		ops.apply(h, &context, freshValue)
		if !body {
			delete(h, "Content-Type")
		}
	}
	if body && len(h["Content-Type"]) == 0 {
		h["Content-Type"] = plainText
	}
	if p.semantics.sendsEnvoyHeaders() {
		h["Server"] = serverName
	}
}
