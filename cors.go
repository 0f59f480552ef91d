package gateway

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// CORS returns a middleware that answers preflights and adds the headers
// of cross-origin resource sharing in front of a handler. The error joins an
// *Error for each problem.
func CORS(c spec.CORS) (func(http.Handler) http.Handler, error) {
	r := spec.Route{CORS: &c}
	return routeMiddleware(&r)
}

// A corsProgram is a CORS, compiled.
type corsProgram struct {
	any     bool
	origins []condition
	// methods and headers are joined; "*" echoes the preflight's own.
	methods, headers string
	expose, maxAge   string
	credentials      bool
	ignoreUnmatched  bool
}

func compileCORS(c *spec.CORS, regexes regexCache) *corsProgram {
	if c == nil {
		return nil
	}
	p := &corsProgram{
		methods:         strings.Join(c.AllowMethods, ","),
		headers:         strings.Join(c.AllowHeaders, ","),
		expose:          strings.Join(c.ExposeHeaders, ","),
		credentials:     c.AllowCredentials,
		ignoreUnmatched: c.UnmatchedPreflights == spec.UnmatchedPreflightsIgnore,
	}
	if c.MaxAge != nil {
		p.maxAge = strconv.FormatInt(int64(*c.MaxAge/time.Second), 10)
	}
	for _, origin := range c.AllowOrigins {
		var re *regexp.Regexp
		if origin.Kind == spec.MatchRegex {
			re, _ = regexes.compile(origin.Value)
		}
		o := condition{kind: origin.Kind, text: origin.Value, regex: re}
		p.origins = append(p.origins, o)
		p.any = p.any || o.compares("*")
	}
	return p
}

// allows reports whether an origin is allowed.
func (c *corsProgram) allows(origin string) bool {
	if c.any {
		return true
	}
	for i := range c.origins {
		if c.origins[i].compares(origin) {
			return true
		}
	}
	return false
}

// isPreflight reports whether r asks for permission.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && oneValue(r.Header, "Origin") != "" &&
		oneValue(r.Header, "Access-Control-Request-Method") != ""
}

// filter answers a preflight, or returns the origin if it is allowed, so that
// the response gets its headers.
func (c *corsProgram) filter(p *program, w http.ResponseWriter, r *http.Request) (origin string, answered bool) {
	origin = oneValue(r.Header, "Origin")
	if origin == "" {
		return "", false
	}
	allowed := c.allows(origin)
	if !isPreflight(r) {
		if !allowed {
			return "", false
		}
		return origin, false
	}
	if !allowed && !c.ignoreUnmatched {
		return "", false
	}
	c.preflight(w.Header(), r, origin, allowed)
	if p.semantics.sendsEnvoyHeaders() {
		w.Header()["Server"] = serverName
	}
	w.Header()["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
	return "", true
}

// preflight puts the headers of a preflight's answer in h. What the preflight
// asks for is not compared with what is allowed: the browser does that.
func (c *corsProgram) preflight(h http.Header, r *http.Request, origin string, allowed bool) {
	if allowed {
		h["Access-Control-Allow-Origin"] = []string{origin}
	}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	echo := func(configured, asked string) string {
		if configured == "*" {
			return oneValue(r.Header, asked)
		}
		return configured
	}
	if methods := echo(c.methods, "Access-Control-Request-Method"); methods != "" {
		h["Access-Control-Allow-Methods"] = []string{methods}
	}
	if headers := echo(c.headers, "Access-Control-Request-Headers"); headers != "" {
		h["Access-Control-Allow-Headers"] = []string{headers}
	}
	if c.maxAge != "" {
		h["Access-Control-Max-Age"] = []string{c.maxAge}
	}
}

// decorate adds to h what a response to an allowed origin carries.
func (c *corsProgram) decorate(h http.Header, origin string) {
	h["Access-Control-Allow-Origin"] = []string{origin}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	if c.expose != "" {
		h["Access-Control-Expose-Headers"] = []string{c.expose}
	}
}
