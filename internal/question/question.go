// Package question asks a gateway what it would do with a request that a person typed,
// and prints the decision. The main type is Question.
package question

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
)

// A Question is a request that a decision is asked for.
type Question struct {
	request *http.Request
	// port is that of the listener, 0 if the URL names none. explicit means that
	// the URL names it, and that it is not the default of the scheme.
	port     int
	explicit bool
	// anywhere means that the gateway is asked.
	anywhere bool
}

// New returns the question for a method, a URL or a path, and headers, "name: value":
// the request that a server would read from a connection.
func New(method, target string, headers []string) (*Question, error) {
	q := new(Question)
	host, path, secure := "", target, false
	if !strings.HasPrefix(target, "/") && target != "*" {
		u, err := url.Parse(target)
		if err != nil {
			return nil, err
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("URL %q: http://HOST/…, https://HOST/… or a path is expected", target)
		}
		secure, host, q.port = u.Scheme == "https", u.Host, 80
		if secure {
			q.port = 443
		}
		if p := u.Port(); p != "" {
			q.port, _ = strconv.Atoi(p)
			q.explicit = true
		}
		// The path stays as it was written. net/url would change some.
		path = target[strings.Index(target, "://")+len("://"):]
		path = path[min(len(path), len(u.Host)):]
		if i := strings.Index(target, "@"); u.User != nil && i >= 0 {
			return nil, fmt.Errorf("URL %q has a user", target)
		}
		if path == "" || path[0] == '?' {
			path = "/" + path
		}
	}
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\n", method, path)
	named := false
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		named = named || strings.EqualFold(name, "host")
		fmt.Fprintf(&head, "%s: %s\r\n", name, strings.TrimSpace(value))
	}
	if !named {
		fmt.Fprintf(&head, "Host: %s\r\n", host)
	}
	head.WriteString("\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head.String())))
	if err != nil {
		return nil, fmt.Errorf("no server would read this request: %w", err)
	}
	r.RemoteAddr = "127.0.0.1:0"
	if secure {
		r.TLS = &tls.ConnectionState{ServerName: serverName(host), HandshakeComplete: true}
	}
	q.request = r
	return q, nil
}

// From sets the address of the client, "host:port". It is 127.0.0.1:0 otherwise.
func (q *Question) From(address string) { q.request.RemoteAddr = address }

// Secure makes the request one that came with TLS, and asks the gateway rather than a
// listener: if no listener speaks TLS, it takes the routes of one that does not.
func (q *Question) Secure() {
	if q.request.TLS == nil {
		q.request.TLS = &tls.ConnectionState{ServerName: serverName(q.request.Host), HandshakeComplete: true}
	}
	q.anywhere = true
}

// serverName returns the name that clients send in a TLS handshake for the host of a URL: none
// for an IP address, and a name without the dot at its end (RFC 6066, section 3).
func serverName(host string) string {
	name := hosts.WithoutPort(host)
	if net.ParseIP(strings.Trim(name, "[]")) != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// Request returns a copy of the request.
func (q *Question) Request() *http.Request { return q.request.Clone(context.Background()) }

// An answerer is a gateway, or a listener of one.
type answerer interface {
	http.Handler
	Decide(*http.Request) gateway.Decision
	Explain(*http.Request) inspect.Explanation
}

// Ask asks the listener of the port. If the URL names no port and there is no listener
// for the default one, it asks the first listener that speaks the scheme.
func (q *Question) Ask(gw *gateway.Gateway) gateway.Decision { return q.of(gw).Decide(q.request) }

// Explain asks like Ask, and for the reasons.
func (q *Question) Explain(gw *gateway.Gateway) inspect.Explanation {
	return q.of(gw).Explain(q.request)
}

// Serve lets the listener that Ask asks serve the request.
func (q *Question) Serve(gw *gateway.Gateway, w http.ResponseWriter) {
	q.of(gw).ServeHTTP(w, q.Request())
}

// of returns who answers the question.
func (q *Question) of(gw *gateway.Gateway) answerer {
	if q.anywhere {
		return gw
	}
	if q.explicit {
		return gw.Listener(q.port)
	}
	for _, l := range gw.Listeners() {
		if l.Port() == q.port {
			return l
		}
	}
	if q.request.TLS == nil {
		return gw
	}
	for _, l := range gw.Listeners() {
		if l.TLS() {
			return l
		}
	}
	return gw.Listener(q.port)
}
