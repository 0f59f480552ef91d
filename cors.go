package gateway

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// CORS answers preflight requests and adds the headers of cross-origin resource
// sharing to responses (Istio's CorsPolicy). It never refuses a request: that
// is the browser's part.
type CORS struct {
	// AllowOrigins are compared with the Origin header. One that holds for "*"
	// allows every origin.
	AllowOrigins []StringMatch
	// AllowMethods and AllowHeaders are sent as they stand; "*" alone echoes
	// what the preflight asked for.
	AllowMethods, AllowHeaders []string
	// ExposeHeaders are sent with the response proper.
	ExposeHeaders []string
	// MaxAge is how long a preflight may be cached, in whole seconds. Nil is
	// not sent.
	MaxAge *time.Duration
	// AllowCredentials sends access-control-allow-credentials: true.
	AllowCredentials bool
	// UnmatchedPreflights says what happens to a preflight from an origin that
	// is not allowed.
	UnmatchedPreflights UnmatchedPreflights
}

// UnmatchedPreflights says what becomes of preflights from other origins (Istio's
// CorsPolicy.UnmatchedPreflights).
type UnmatchedPreflights uint8

// The treatments of an unmatched preflight.
const (
	// ForwardPreflights sends them to the destination. It is the default.
	ForwardPreflights UnmatchedPreflights = iota
	// IgnorePreflights answers 200 without access-control-allow-origin.
	IgnorePreflights
)

// Middleware returns a middleware that answers preflights and adds the headers
// of cross-origin resource sharing in front of a handler. The error joins an
// *Error for each problem.
func (c CORS) Middleware() (func(http.Handler) http.Handler, error) {
	r := Route{CORS: &c}
	return r.middleware()
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

func compileCORS(c *CORS, regexes regexCache) *corsProgram {
	if c == nil {
		return nil
	}
	p := &corsProgram{
		methods:         strings.Join(c.AllowMethods, ","),
		headers:         strings.Join(c.AllowHeaders, ","),
		expose:          strings.Join(c.ExposeHeaders, ","),
		credentials:     c.AllowCredentials,
		ignoreUnmatched: c.UnmatchedPreflights == IgnorePreflights,
	}
	if c.MaxAge != nil {
		p.maxAge = strconv.FormatInt(int64(*c.MaxAge/time.Second), 10)
	}
	for _, origin := range c.AllowOrigins {
		var re *regexp.Regexp
		if origin.Kind == MatchesRegex {
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
