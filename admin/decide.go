package admin

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/question"
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
		var text strings.Builder
		fmt.Fprintf(&text, "%s %s\n", method, target)
		question.Print(&text, &d)
		v.Answer = text.String()
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
	if !strings.Contains(target, "://") {
		return d, errors.New("a URL is expected, such as http://shop.example.com/cart")
	}
	var lines []string
	for line := range strings.Lines(headers) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	q, err := question.New(method, target, lines)
	if err != nil {
		return d, err
	}
	return q.Ask(p.gateway), nil
}
