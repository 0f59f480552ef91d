package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Redirect returns a middleware that answers every request with the redirect.
// A PrefixRewrite replaces the prefix "/", and DerivePort takes the server for
// one on port 80. The error joins an *Error for each problem.
//
// Within a mounted chi router a path that is kept is the whole path, and
// PrefixRewrite replaces what follows the mount.
func Redirect(d spec.Redirect) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Redirect: &d}
	return routeMiddleware(&r)
}

// A redirectProgram is a Redirect, compiled for a server.
type redirectProgram struct {
	code                                  int
	uri, prefixRewrite, authority, scheme string
	// port is ":N", or empty where it goes without saying.
	port string
	// join makes a prefix and the rest meet at one slash.
	join bool
}

func compileRedirect(d *spec.Redirect, serverPort int, serverTLS bool, s semanticsMode) *redirectProgram {
	if d == nil {
		return nil
	}
	p := &redirectProgram{
		code: d.Code, uri: d.URI, prefixRewrite: d.PrefixRewrite, authority: d.Authority, scheme: d.Scheme, join: s.joinsAtOneSlash(),
	}
	if p.code == 0 {
		p.code = http.StatusMovedPermanently
	}
	if p.uri != "" && p.uri[0] != '/' {
		p.uri = "/" + p.uri
	}
	port := d.Port
	switch d.DerivePort {
	case spec.PortDerivationRequestPort:
		port = serverPort
	case spec.PortDerivationProtocolDefault:
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
	target := v.clientTarget()
	switch {
	case p.uri != "":
		target = p.uri
		if strings.IndexByte(p.uri, '?') < 0 {
			target += v.query()
		}
	case p.prefixRewrite != "":
		rw := rewriteProgram{uri: p.prefixRewrite, join: p.join}
		target = v.mount + rw.path(v.path, u) + v.query()
	}
	if host == "" {
		return target // HTTP/1.0 without Host: the client knows where it is
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

func (p *redirectProgram) serve(gateway *program, w http.ResponseWriter, v *view, c *routeClause) {
	gateway.answer(w, v, c, p.code, p.location(v, &c.uri), nil, noLength)
}
