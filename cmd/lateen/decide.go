package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
)

func runDecide(c *command, args []string, s streams) int {
	var config configuration
	var headers []string
	var asJSON bool
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addFlags(flags)
	flags.Func("H", "`'NAME: VALUE'` is a header of the request. May be repeated.", func(text string) error {
		name, _, ok := strings.Cut(text, ":")
		if !ok || name == "" {
			return errors.New("'NAME: VALUE' is expected")
		}
		headers = append(headers, text)
		return nil
	})
	flags.BoolVar(&asJSON, "json", false, "print the decision as JSON")
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if err := config.check(); err != nil {
		return c.misused(s, err)
	}
	if len(rest) != 2 {
		return c.misused(s, fmt.Errorf("%s given: METHOD and URL are expected", count(len(rest), "argument")))
	}
	q, err := newQuestion(rest[0], rest[1], headers)
	if err != nil {
		return c.misused(s, err)
	}
	// What a decision draws, the request's id, is the same every time.
	b := config.dry(s).Random(func() uint64 { return 0 })
	gw, err := b.Build()
	config.printSkipped(s.err)
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	defer gw.Close()
	d := q.ask(gw)
	warnings := config.concerning(&d, gw.Warnings())
	if asJSON {
		printWarnings(s.err, warnings)
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(d); err != nil {
			fmt.Fprintln(s.err, "lateen decide:", err)
			return exitFailure
		}
		return exitOK
	}
	fmt.Fprintf(s.out, "%s %s\n", rest[0], rest[1])
	printDecision(s.out, &d)
	if d.Kind == gateway.DecisionNoServer && d.Listener == "" {
		var ports []string
		for _, l := range gw.Listeners() {
			ports = append(ports, strconv.Itoa(l.Port()))
		}
		fmt.Fprintf(s.out, "  hint          a URL's port is that of a Gateway, wherever it is mapped to; there is %s\n", strings.Join(ports, ", "))
	}
	for _, w := range warnings {
		fmt.Fprintf(s.out, "  %-13s %s\n", "warning", oneLine(w.String()))
	}
	return exitOK
}

// A question is a request that a decision is asked for.
type question struct {
	request *http.Request
	// port is that of the listener, 0 if the URL names none; explicit says that
	// it was written, rather than being the scheme's own.
	port     int
	explicit bool
}

// newQuestion makes of a method, a URL and headers the request that a server
// would read from a connection.
func newQuestion(method, target string, headers []string) (*question, error) {
	q := new(question)
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
		// The path is taken as it was written: net/url would change some.
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
		name, _, _ := strings.Cut(host, ":")
		r.TLS = &tls.ConnectionState{ServerName: strings.ToLower(name), HandshakeComplete: true}
	}
	q.request = r
	return q, nil
}

// ask asks the listener of the port, or, where the URL names none that is there,
// the one that speaks its scheme.
func (q *question) ask(gw *gateway.Gateway) gateway.Decision {
	if q.explicit {
		return gw.Listener(q.port).Decide(q.request)
	}
	for _, l := range gw.Listeners() {
		if l.Port() == q.port {
			return l.Decide(q.request)
		}
	}
	if q.request.TLS == nil {
		return gw.Decide(q.request)
	}
	for _, l := range gw.Listeners() {
		if l.TLS() {
			return l.Decide(q.request)
		}
	}
	return gw.Listener(q.port).Decide(q.request)
}
