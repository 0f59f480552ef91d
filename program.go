package gateway

import (
	"cmp"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A program is what Declarations compile to: immutable, and all that a request
// meets. Each request sees one program from start to end.
type program struct {
	semantics     semanticsMode
	normalization spec.PathNormalization
	edge          edge
	random        func() uint64
	log           *slog.Logger
	fallback      http.Handler
	background    *background
	// bare says that the program is a single feature around a handler: requests
	// keep their path and all headers.
	bare bool

	// listeners are in the order of their ports.
	listeners []*listener
	warnings  []spec.Warning

	// buckets and upstreams are kept by identity for the program that follows.
	buckets   map[string]*buckets
	upstreams map[string]*remote
}

// bucketsOf returns the buckets of a limit, if the program has them.
func (p *program) bucketsOf(identity string) *buckets {
	if p == nil {
		return nil
	}
	return p.buckets[identity]
}

// A listener is a port that servers share.
type listener struct {
	bind string
	port int
	// plain is the route table of plain text; nil if the port speaks TLS.
	plain *routeTable
	// chains finds the server of a TLS connection by its SNI.
	chains *hostTable[*chain]
	order  []*chain
}

// A chain is one TLS server of a listener.
type chain struct {
	server spec.Server
	table  *routeTable
}

// A routeTable is the virtual hosts that a connection may reach.
type routeTable struct {
	// name is Envoy's: "http.80", or "https.443.name.gateway.namespace".
	name     string
	port     int
	tls      bool
	listener *listener
	hosts    hostTable[*virtualHost]
	order    []*virtualHost
}

// A virtualHost is the routes of one domain, in order.
type virtualHost struct {
	domain string
	// redirect answers every plain-text request with a redirect to https.
	redirect bool
	list     clauseList
	// clauses say what becomes of a request that the clause of list at the same
	// place matches.
	clauses []routeClause
}

// A routeClause is a clause with the route that it is a part of.
type routeClause struct {
	*clause
	route *routeProgram
	// name is the route's name and the match's.
	name string
	// position is the clause's place in its virtual host.
	position int32
}

// newVirtualHost returns a virtual host. Of the clauses it takes route and name.
func newVirtualHost(domain string, redirect bool, list []clause, clauses []routeClause) *virtualHost {
	h := &virtualHost{domain: domain, redirect: redirect, list: newClauseList(list), clauses: clauses}
	for i := range clauses {
		clauses[i].clause, clauses[i].position = &list[i], int32(i)
	}
	return h
}

// find returns the first clause that matches, or nil.
func (h *virtualHost) find(v *view) *routeClause {
	if i := h.list.find(v); i >= 0 {
		return &h.clauses[i]
	}
	return nil
}

// A routeProgram is a Route, compiled for a server. What every request looks at is
// in front, in one or two cache lines.
type routeProgram struct {
	fault    *faultProgram
	cors     *corsProgram
	limits   []*limitProgram
	redirect *redirectProgram
	direct   *directProgram
	// response are the operations on a response that no destination gave.
	response *headerProgram

	timeout time.Duration
	retry   *retryProgram
	rewrite *rewriteProgram
	mirrors []mirrorProgram
	split   splitProgram
	// wrapped says that the response's header must be intercepted.
	wrapped bool

	// service is the VirtualService's namespace and name.
	service string
}

// An outcome is what becomes of a request, before any route acts on it.
type outcome uint8

const (
	outcomeRoute outcome = iota
	outcomeNoServer
	outcomeNoHost
	outcomeNoRoute
	outcomeHTTPSRedirect
	outcomeBadPath
	outcomeBadHost
	outcomeHTTP10
	outcomeWrongScheme
	outcomeBadUpgrade
	outcomeBadConnection
)

// status is the answer to an outcome without a route.
func (o outcome) status() int {
	switch o {
	case outcomeNoServer, outcomeNoHost, outcomeNoRoute:
		return http.StatusNotFound
	case outcomeHTTPSRedirect:
		return http.StatusMovedPermanently
	case outcomeBadPath, outcomeBadHost, outcomeBadConnection:
		return http.StatusBadRequest
	case outcomeHTTP10:
		return http.StatusUpgradeRequired
	case outcomeWrongScheme, outcomeBadUpgrade:
		return http.StatusForbidden
	}
	return 0
}

// reason says why, for people.
func (o outcome) reason() string {
	return [...]string{
		"", "no server", "no virtual host", "no route", "httpsRedirect", "path normalization failed",
		"malformed host", "HTTP/1.0", "https on a plain-text connection", "upgrade not allowed",
		"malformed Connection header",
	}[o]
}

// look fills the view of a request. Only the path can make it fail.
func (p *program) look(v *view, r *http.Request) outcome {
	v.r, v.edge, v.scheme = r, &p.edge, p.edge.scheme(r)
	v.chi = chiContext(r.Context())
	if v.chi == nil && r.URL.RawPath == "" && p.normalization == spec.NormalizeBase && isOrdinary(r.URL.Path) &&
		r.Method != http.MethodConnect && r.URL.Fragment == "" && (r.URL.RawQuery == "" || strings.IndexByte(r.URL.RawQuery, '#') < 0) {
		// What follows would come to the same, in several passes.
		v.path = r.URL.Path
		return outcomeRoute
	}
	raw, mount := requestPath(r, v.chi)
	v.path, v.mount = raw, mount
	if strings.IndexByte(r.URL.RawQuery, '#') >= 0 || r.URL.Fragment != "" {
		return outcomeBadPath
	}
	if r.Method == http.MethodConnect || len(raw) == 0 || raw[0] != '/' {
		// No route matches: CONNECT has no path, and that of OPTIONS * is none.
		return outcomeNoRoute
	}
	path, ok := normalize(p.normalization, raw)
	if !ok {
		return outcomeBadPath
	}
	v.path = path
	return outcomeRoute
}

// route finds what a request meets in a table.
func (p *program) route(t *routeTable, v *view, r *http.Request) (*virtualHost, *routeClause, outcome) {
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 && p.semantics.refusesHTTP10() {
		v.r = r
		return nil, nil, outcomeHTTP10
	}
	plain := isPlainName(r.Host)
	if !plain && !validAuthority(r.Host) {
		v.r = r
		return nil, nil, outcomeBadHost
	}
	connection := r.Header["Connection"]
	if len(connection) > 0 {
		without, ok := withoutNominated(r, connection)
		if !ok {
			v.r = r
			return nil, nil, outcomeBadConnection
		}
		// The copy is not what the caller gave away, and looks after.
		v.owned = v.owned && without == r
		r = without
	}
	o := p.look(v, r)
	if o == outcomeBadPath {
		return nil, nil, o
	}
	if r.TLS == nil && r.URL.Scheme == "https" && v.scheme != "https" {
		return nil, nil, outcomeWrongScheme
	}
	if t == nil {
		return nil, nil, outcomeNoServer
	}
	var host *virtualHost
	var ok bool
	if plain {
		host, ok = t.hosts.findName(r.Host)
	} else {
		host, ok = t.hosts.find(r.Host)
	}
	if !ok {
		return nil, nil, outcomeNoHost
	}
	if host.redirect && v.scheme != "https" {
		return host, nil, outcomeHTTPSRedirect
	}
	if o != outcomeRoute {
		return host, nil, o
	}
	c := host.find(v)
	if c == nil {
		return host, nil, outcomeNoRoute
	}
	if len(connection) > 0 && len(r.Header["Upgrade"]) > 0 {
		v.upgrade = isWebSocket(r)
		if !v.upgrade && isUpgrade(r) {
			return host, c, outcomeBadUpgrade
		}
	}
	return host, c, outcomeRoute
}

// serve answers a request that came to a table, and is owned or not. What no
// route takes goes to next.
func (p *program) serve(w http.ResponseWriter, r *http.Request, t *routeTable, next http.Handler, owned bool) {
	v := view{owned: owned}
	_, c, o := p.route(t, &v, r)
	switch o {
	case outcomeRoute:
		p.take(w, &v, c)
	case outcomeNoServer, outcomeNoHost, outcomeNoRoute:
		if next == nil {
			next = p.fallback
		}
		if next != nil {
			next.ServeHTTP(w, r)
			return
		}
		p.settle(w, &v, o)
	default:
		p.settle(w, &v, o)
	}
}

// settle answers a request that no route takes.
func (p *program) settle(w http.ResponseWriter, v *view, o outcome) {
	switch o {
	case outcomeHTTPSRedirect:
		w.Header()["Location"] = []string{"https://" + v.r.Host + v.clientTarget()}
	case outcomeBadUpgrade, outcomeBadHost, outcomeBadPath, outcomeBadConnection:
		w.Header()["Connection"] = []string{"close"}
	}
	p.localReply(w, v.r, o.status(), "")
}

// listenerOn returns the listener of a port: the one without an address of its
// own before others.
func (p *program) listenerOn(port int) *listener {
	var found *listener
	for _, l := range p.listeners {
		if l.port == port && (found == nil || l.bind == "") {
			found = l
		}
	}
	return found
}

// table returns the route table of a request that came to l.
func (l *listener) table(r *http.Request) *routeTable {
	if l == nil {
		return nil
	}
	if l.plain != nil {
		if r.TLS != nil {
			return nil
		}
		return l.plain
	}
	if r.TLS == nil || l.chains == nil {
		return nil
	}
	c, ok := l.chains.findName(strings.ToLower(r.TLS.ServerName))
	if !ok {
		return nil
	}
	return c.table
}

// tableFor returns the route table of a request that came by no listener of
// ours: that of the port it came to, or else the first that speaks the
// request's scheme.
func (p *program) tableFor(r *http.Request) *routeTable {
	if len(p.listeners) == 1 && p.listeners[0].plain != nil {
		return p.listeners[0].plain
	}
	if port := localPort(r); port != 0 {
		if l := p.listenerOn(port); l != nil {
			if t := l.table(r); t != nil {
				return t
			}
		}
	}
	if r.TLS != nil {
		for _, l := range p.listeners {
			if t := l.table(r); t != nil {
				return t
			}
		}
	}
	for _, l := range p.listeners {
		if l.plain != nil {
			return l.plain
		}
	}
	return nil
}

// isUpgrade reports whether a client asks to change the protocol. h2c is
// ignored, as in Envoy.
func isUpgrade(r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 || r.ProtoMajor != 1 {
		return false
	}
	upgrade, _ := joined(r.Header["Upgrade"])
	return hasToken(r.Header["Connection"], "upgrade") && !strings.EqualFold(upgrade, "h2c")
}

// isWebSocket reports whether a client asks for a WebSocket.
func isWebSocket(r *http.Request) bool {
	return len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") &&
		hasToken(r.Header["Connection"], "upgrade")
}

// hasToken reports whether a list of tokens holds one.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// validAuthority reports whether a Host header is a host and perhaps a port. An
// empty one is left to the server, which refuses it where HTTP does.
func validAuthority(authority string) bool {
	host, rest := authority, ""
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return false
		}
		host, rest = authority[1:end], authority[end+1:]
		if rest != "" && rest[0] != ':' {
			return false
		}
		for i := 0; i < len(host); i++ {
			if !authorityBytes[host[i]] && host[i] != ':' {
				return false
			}
		}
	} else {
		if i := strings.IndexByte(authority, ':'); i >= 0 {
			host, rest = authority[:i], authority[i:]
		}
		for i := 0; i < len(host); i++ {
			if !authorityBytes[host[i]] {
				return false
			}
		}
	}
	// Envoy does not ask for a port to be a number.
	for i := 1; i < len(rest); i++ {
		if !authorityBytes[rest[i]] {
			return false
		}
	}
	return true
}

// authorityBytes are those of a host name (RFC 3986, reg-name).
var authorityBytes = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
			strings.IndexByte("-._~!$&'()*+,;=%", b) >= 0 && b != 0
	}
	return t
}()

// sortListeners orders listeners by port, then address.
func sortListeners(list []*listener) {
	slices.SortFunc(list, func(a, b *listener) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.bind, b.bind))
	})
}

// close closes the upstreams that the program kept has not taken over.
func (p *program) close(kept *program) {
	for identity, u := range p.upstreams {
		if kept == nil || kept.upstreams[identity] != u {
			_ = u.Close()
		}
	}
}
