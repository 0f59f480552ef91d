package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/localreply"
)

// A Redirect answers with a redirect (Istio's HTTPRedirect). What is not set is
// taken from the request.
type Redirect struct {
	// URI replaces the whole path. The request's query is kept unless URI has
	// a query of its own.
	URI string
	// PrefixRewrite replaces the prefix that matched, instead of URI.
	PrefixRewrite string
	// Authority replaces the host, port included.
	Authority string
	// Scheme is "http" or "https".
	Scheme string
	// Port is the port in the answer. Zero keeps the request's.
	Port int
	// DerivePort takes the port from the server instead of Port.
	DerivePort PortDerivation
	// Code is 301, 302, 303, 307 or 308. Zero is 301.
	Code int
}

// A PortDerivation says where a redirect's port comes from (Istio's
// HTTPRedirect.RedirectPortSelection).
type PortDerivation uint8

// The derivations of a redirect's port.
const (
	// PortUnset leaves the choice to Redirect.Port.
	PortUnset PortDerivation = iota
	// PortFromProtocolDefault is 80 for http and 443 for https, not written.
	PortFromProtocolDefault
	// PortFromRequestPort is the number of the server's port.
	PortFromRequestPort
)

// A DirectResponse answers with a fixed response (Istio's HTTPDirectResponse).
type DirectResponse struct {
	// Status is the HTTP status, 200 to 599.
	Status int
	// Body is at most 1 MiB. It is sent as text/plain unless the route's
	// response headers say otherwise.
	Body []byte
}

// Middleware returns a middleware that answers every request with the redirect.
// A PrefixRewrite replaces the prefix "/". The error joins an *Error for each
// problem.
func (d Redirect) Middleware() (func(http.Handler) http.Handler, error) {
	r := Route{Redirect: &d}
	return r.middleware()
}

// Middleware returns a middleware that answers every request with the response.
// The error joins an *Error for each problem.
func (d DirectResponse) Middleware() (func(http.Handler) http.Handler, error) {
	r := Route{DirectResponse: &d}
	return r.middleware()
}

// A redirectProgram is a Redirect, compiled for a server.
type redirectProgram struct {
	code                                  int
	uri, prefixRewrite, authority, scheme string
	// port is ":N", or empty where it goes without saying.
	port string
}

func compileRedirect(d *Redirect, serverPort int, serverTLS bool) *redirectProgram {
	if d == nil {
		return nil
	}
	p := &redirectProgram{code: d.Code, uri: d.URI, prefixRewrite: d.PrefixRewrite, authority: d.Authority, scheme: d.Scheme}
	if p.code == 0 {
		p.code = http.StatusMovedPermanently
	}
	if p.uri != "" && p.uri[0] != '/' {
		p.uri = "/" + p.uri
	}
	port := d.Port
	switch d.DerivePort {
	case PortFromRequestPort:
		port = serverPort
	case PortFromProtocolDefault:
		port = 0
	}
	scheme := d.Scheme
	if scheme == "" {
		scheme = "http"
		if serverTLS {
			scheme = "https"
		}
	}
	if port != 0 && !(scheme == "http" && port == 80) && !(scheme == "https" && port == 443) {
		p.port = ":" + strconv.Itoa(port)
	}
	return p
}

// location returns the Location for a request that u holds for.
func (p *redirectProgram) location(v *view, u *uriCondition) string {
	scheme := p.scheme
	if scheme == "" {
		scheme = v.scheme
	}
	host := p.authority
	if host == "" {
		host = p.host(v, scheme)
	}
	target := v.pathAndQuery()
	switch {
	case p.uri != "":
		target = p.uri
		if query := v.r.URL.RawQuery; strings.IndexByte(p.uri, '?') < 0 && query != "" {
			target += "?" + query
		}
	case p.prefixRewrite != "":
		target = p.prefixRewrite + target[u.matchedLength(v.path):]
	}
	return scheme + "://" + host + p.port + target
}

// host returns the request's host. Its port goes where there is a new one, and
// where it was the default of a scheme that changes.
func (p *redirectProgram) host(v *view, scheme string) string {
	host := v.r.Host
	i := portStart(host)
	if i < 0 {
		return host
	}
	port := host[i:]
	if p.port != "" || scheme != v.scheme && (v.scheme == "http" && port == ":80" || v.scheme == "https" && port == ":443") {
		return host[:i]
	}
	return host
}

func (p *redirectProgram) serve(gateway *program, w http.ResponseWriter, v *view, c *clause) {
	gateway.answer(w, v, c, p.code, p.location(v, &c.uri), nil)
}

// A directProgram is a DirectResponse, compiled.
type directProgram struct {
	status int
	body   []byte
}

func compileDirect(d *DirectResponse) *directProgram {
	if d == nil {
		return nil
	}
	return &directProgram{d.Status, d.Body}
}

// location returns the request's own URI, which Envoy sends with 201 and 3xx.
func (p *directProgram) location(v *view) string {
	if p.status == http.StatusCreated || p.status >= 300 && p.status < 400 {
		return v.scheme + "://" + v.r.Host + v.pathAndQuery()
	}
	return ""
}

func (p *directProgram) serve(gateway *program, w http.ResponseWriter, v *view, c *clause) {
	gateway.answer(w, v, c, p.status, p.location(v), p.body)
}

// answer writes the response of a route that has no destination. The route's
// response operations apply to it.
func (p *program) answer(w http.ResponseWriter, v *view, c *clause, status int, location string, body []byte) {
	h := w.Header()
	p.answerHeader(h, v, c, status, location, len(body) > 0)
	if localreply.IsGRPC(v.r) {
		localreply.Write(w, v.r, status, string(body))
		return
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	if len(body) > 0 && v.r.Method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified {
		// A failure is one of the client's connection, which nobody can be told.
		_, _ = w.Write(body)
	}
}

// answerHeader puts the header of such a response in h.
func (p *program) answerHeader(h http.Header, v *view, c *clause, status int, location string, body bool) {
	if location != "" {
		h["Location"] = []string{location}
	}
	if ops := c.route.response; ops != nil {
		x := &exchange{program: p, in: v.r, v: *v, clause: c}
		context := formatContext{x: x, request: v.r.Header, response: h, status: status}
		ops.apply(h, &context, freshValue)
	}
	switch {
	case !body:
		delete(h, "Content-Type")
	case len(h["Content-Type"]) == 0:
		h["Content-Type"] = []string{"text/plain"}
	}
	if p.semantics.sendsEnvoyHeaders() {
		h["Server"] = serverName
	}
}
