package program

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/spec"
)

// A CORS is a compiled spec.CORS.
type CORS struct {
	any     bool
	origins []match.Comparison
	// methods and headers are joined; "*" echoes the preflight's values.
	methods, headers string
	expose, maxAge   string
	credentials      bool
	ignoreUnmatched  bool
}

func NewCORS(c *spec.CORS, regexes regex.Cache) *CORS {
	if c == nil {
		return nil
	}
	p := &CORS{
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
		o, err := match.CompileComparison(origin, regexes)
		if err != nil {
			continue // Validation has reported it.
		}
		p.origins = append(p.origins, o)
		p.any = p.any || o.Compares("*")
	}
	return p
}

// allows reports whether an origin is allowed.
func (c *CORS) allows(origin string) bool {
	if c.any {
		return true
	}
	for i := range c.origins {
		if c.origins[i].Compares(origin) {
			return true
		}
	}
	return false
}

// isPreflight reports whether r is a preflight request.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && field.One(r.Header, "Origin") != "" &&
		field.One(r.Header, "Access-Control-Request-Method") != ""
}

// Filter answers a preflight. Otherwise it returns the origin if it is allowed,
// so that the response gets its headers.
func (c *CORS) Filter(p *Program, w http.ResponseWriter, r *http.Request) (origin string, answered bool) {
	origin = field.One(r.Header, "Origin")
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
	if p.Semantics.SendsEnvoyHeaders() {
		w.Header()["Server"] = serverName
	}
	w.Header()["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
	return "", true
}

// preflight adds the headers of a preflight's answer to h. It does not compare
// the preflight's request with what is allowed: the browser does that.
func (c *CORS) preflight(h http.Header, r *http.Request, origin string, allowed bool) {
	if allowed {
		h["Access-Control-Allow-Origin"] = []string{origin}
	}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	echo := func(configured, asked string) string {
		if configured == "*" {
			return field.One(r.Header, asked)
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

// decorate adds to h the headers of a response to an allowed origin.
func (c *CORS) decorate(h http.Header, origin string) {
	h["Access-Control-Allow-Origin"] = []string{origin}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	if c.expose != "" {
		h["Access-Control-Expose-Headers"] = []string{c.expose}
	}
}
