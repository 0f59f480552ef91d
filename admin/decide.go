package admin

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/question"
)

// decide answers what would become of a request: with the explanation as a page for a form,
// and with the decision as JSON for format=json or an Accept header that asks for it.
func (p *Pages) decide(w http.ResponseWriter, r *http.Request) {
	method, target := strings.ToUpper(strings.TrimSpace(r.FormValue("method"))), strings.TrimSpace(r.FormValue("url"))
	if method == "" {
		method = http.MethodGet
	}
	e, err := p.explanation(method, target, r.FormValue("headers"))
	if r.FormValue("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, e.Decision)
		return
	}
	v := struct {
		Method, URL, Headers, Problem, Answer string
	}{Method: method, URL: target, Headers: r.FormValue("headers")}
	if err != nil {
		v.Problem = err.Error()
	} else {
		v.Answer = e.String()
	}
	var page bytes.Buffer
	if err := decidePage.Execute(&page, v); err != nil {
		plain(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}

// explanation asks the gateway about a request as a server would read it.
func (p *Pages) explanation(method, target, headers string) (e inspect.Explanation, err error) {
	if !strings.Contains(target, "://") {
		return e, errors.New("a URL is expected, such as http://shop.example.com/cart")
	}
	var lines []string
	for line := range strings.Lines(headers) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	q, err := question.New(method, target, lines)
	if err != nil {
		return e, err
	}
	return q.Explain(p.gateway), nil
}
