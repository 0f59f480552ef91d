package program

import (
	"net/http"
	"strconv"

	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A Direct is a compiled spec.DirectResponse.
type Direct struct {
	status int
	body   []byte
	// length is the Content-Length of body. All responses share it.
	length []string
}

func NewDirect(d *spec.DirectResponse) *Direct {
	if d == nil {
		return nil
	}
	p := &Direct{d.Status, d.Body, noLength}
	if len(d.Body) > 0 {
		p.length = []string{strconv.Itoa(len(d.Body))}
	}
	return p
}

// location returns the request's own URI, which Envoy sends with 201 and 3xx.
func (p *Direct) location(v *match.View) string {
	if p.status == http.StatusCreated || p.status >= 300 && p.status < 400 {
		return v.Scheme + "://" + v.Request.Host + v.ClientTarget()
	}
	return ""
}

func (p *Direct) Serve(gateway *Program, w http.ResponseWriter, v *match.View, c *Clause) {
	gateway.answer(w, v, c, p.status, p.location(v), p.body, p.length)
}

// These header values are shared by many responses and never changed: their
// capacity is their length.
var (
	noLength  = []string{"0"}
	plainText = []string{"text/plain"}
)

// answer writes the response of a route without a destination. length is the
// Content-Length of its body. The route's response operations apply to it.
func (p *Program) answer(w http.ResponseWriter, v *match.View, c *Clause, status int, location string, body []byte, length []string) {
	h := w.Header()
	p.answerHeader(h, v, c, status, location, len(body) > 0)
	if localreply.IsGRPC(v.Request) {
		localreply.Write(w, v.Request, status, string(body))
		return
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	h["Content-Length"] = length
	w.WriteHeader(status)
	if len(body) > 0 && v.Request.Method != http.MethodHead {
		// A failure here is a failure of the client's connection. It cannot be
		// reported.
		_, _ = w.Write(body)
	}
}

// answerHeader adds the headers of such a response to h.
func (p *Program) answerHeader(h http.Header, v *match.View, c *Clause, status int, location string, body bool) {
	delete(h, "Content-Type")
	if location != "" {
		h["Location"] = []string{location}
	}
	if ops := c.Route.Response; ops != nil {
		x := &exchange{program: p, in: v.Request, v: *v, clause: c}
		context := header.Context{X: x, Request: v.Request.Header, Response: h, Status: status}
		ops.Apply(h, &context, freshValue)
		if !body {
			delete(h, "Content-Type")
		}
	}
	if body && len(h["Content-Type"]) == 0 {
		h["Content-Type"] = plainText
	}
	if p.Semantics.SendsEnvoyHeaders() {
		h["Server"] = serverName
	}
}
