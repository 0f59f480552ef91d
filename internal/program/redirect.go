package program

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

// A Redirect is a spec.Redirect, compiled for a server.
type Redirect struct {
	code                                  int
	uri, prefixRewrite, authority, scheme string
	// port is ":N", or empty if it is the default.
	port string
	// join makes the prefix and the rest meet at one slash.
	join bool
}

func NewRedirect(d *spec.Redirect, serverPort int, serverTLS bool, s semantics.Mode) *Redirect {
	if d == nil {
		return nil
	}
	p := &Redirect{
		code: d.Code, uri: d.URI, prefixRewrite: d.PrefixRewrite, authority: d.Authority, scheme: d.Scheme, join: s.JoinsAtOneSlash(),
	}
	if p.code == 0 {
		p.code = http.StatusMovedPermanently
	}
	for _, path := range []*string{&p.uri, &p.prefixRewrite} {
		if *path != "" && (*path)[0] != '/' {
			*path = "/" + *path
		}
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

// location returns the Location for a request that matches u.
func (p *Redirect) location(v *match.View, u *match.URI) string {
	scheme := p.scheme
	if scheme == "" {
		scheme = v.Scheme
	}
	host := p.authority
	if host == "" {
		host = p.host(v, scheme)
	}
	target := v.ClientTarget()
	switch {
	case p.uri != "":
		target = p.uri
		if strings.IndexByte(p.uri, '?') < 0 {
			target += v.Query()
		}
	case p.prefixRewrite != "":
		rw := Rewrite{uri: p.prefixRewrite, join: p.join}
		target = v.ClientMount() + rw.Path(v.Path, u) + v.Query()
	}
	if host == "" {
		return target // HTTP/1.0 without Host: the client knows its server
	}
	return scheme + "://" + host + p.port + target
}

// host returns the request's host. It drops the port if there is a new one, or
// if it was the default of a scheme that changes.
func (p *Redirect) host(v *match.View, scheme string) string {
	host := v.Request.Host
	i := hosts.PortStart(host)
	if i < 0 {
		return host
	}
	port := host[i:]
	if p.port != "" || scheme != v.Scheme && (v.Scheme == "http" && port == ":80" || v.Scheme == "https" && port == ":443") {
		return host[:i]
	}
	return host
}

func (p *Redirect) Serve(gateway *Program, w http.ResponseWriter, v *match.View, c *Clause) {
	gateway.answer(w, v, c, p.code, p.location(v, &c.URI), nil, noLength)
}
