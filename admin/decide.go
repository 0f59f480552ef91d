package admin

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
)

// decide answers what would become of a request: as a page for a form, and as JSON for
// format=json or an Accept header that asks for it.
func (p *Pages) decide(w http.ResponseWriter, r *http.Request) {
	method, target := strings.ToUpper(strings.TrimSpace(r.FormValue("method"))), strings.TrimSpace(r.FormValue("url"))
	if method == "" {
		method = http.MethodGet
	}
	d, err := p.decision(method, target, r.FormValue("headers"))
	if r.FormValue("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, d)
		return
	}
	v := struct {
		Method, URL, Headers, Problem, Answer string
	}{Method: method, URL: target, Headers: r.FormValue("headers")}
	if err != nil {
		v.Problem = err.Error()
	} else {
		text, _ := json.MarshalIndent(d, "", "  ")
		v.Answer = string(text)
	}
	var page bytes.Buffer
	if err := decidePage.Execute(&page, v); err != nil {
		plain(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}

// decision asks the gateway about a request as a server would read it.
func (p *Pages) decision(method, target, headers string) (d gateway.Decision, err error) {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return d, err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
		return d, errors.New("a URL is expected, such as http://shop.example.com/cart")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		path += "?" + u.RawQuery
	}
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, u.Host)
	for line := range strings.Lines(headers) {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(&head, "%s\r\n", line)
		}
	}
	head.WriteString("\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head.String())))
	if err != nil {
		return d, fmt.Errorf("no server would read this request: %w", err)
	}
	r.RemoteAddr = "127.0.0.1:0"
	port := 80
	if u.Scheme == "https" {
		port = 443
		r.TLS = &tls.ConnectionState{ServerName: strings.ToLower(u.Hostname()), HandshakeComplete: true}
	}
	if given := u.Port(); given != "" {
		port, _ = strconv.Atoi(given)
	}
	// Without a listener of that port, the one that speaks the scheme is meant.
	listeners := p.gateway.Listeners()
	i := slices.IndexFunc(listeners, func(l *gateway.Listener) bool { return l.Port() == port })
	if i < 0 {
		i = slices.IndexFunc(listeners, func(l *gateway.Listener) bool { return l.TLS() == (u.Scheme == "https") })
	}
	if i < 0 {
		return p.gateway.Decide(r), nil
	}
	return listeners[i].Decide(r), nil
}
