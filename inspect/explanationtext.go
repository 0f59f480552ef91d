package inspect

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// width is how many columns the text of an explanation uses, if names allow it.
const width = 100

// String returns the explanation as text for people.
func (e Explanation) String() string {
	p := new(explanationPrinter)
	fmt.Fprintf(p, "%s %s://%s%s\n", e.Method, e.Scheme, e.Host, e.Target)
	p.steps(2, e.Routing)
	if len(e.Candidates) > 0 {
		p.heading(e.triedText())
		p.candidates(e.Candidates)
	}
	p.heading("")
	p.print(2, []row{{"answer", e.Decision.answer(), ""}})
	p.answer(&e.Decision)
	p.steps(2, e.Steps)
	for i := range e.Destinations {
		p.destination(&e.Destinations[i], &e.Decision.Destinations[i])
	}
	if len(e.Hints) > 0 {
		p.heading("")
		var rows []row
		for i := range e.Hints {
			rows = append(rows, row{"hint", e.Hints[i].Text, e.Hints[i].Place.String()})
		}
		p.print(2, rows)
	}
	if len(e.Warnings) > 0 {
		p.heading("")
		for _, w := range e.Warnings {
			p.print(2, []row{{"warning", strings.ReplaceAll(w.String(), "\n", " "), ""}})
		}
	}
	return p.String()
}

// triedText says how many of the routes are described.
func (e *Explanation) triedText() string {
	text := fmt.Sprintf("routes, %d of %d", len(e.Candidates), e.Routes)
	if len(e.Candidates) == e.Routes {
		text = fmt.Sprintf("routes, all %d", e.Routes)
	}
	switch {
	case e.Untold > 0:
		text += fmt.Sprintf("; %d more were tried", e.Untold)
	case e.Decision.Route == nil && len(e.Candidates) < e.Routes:
		text += "; the others are not for this path"
	}
	return text
}

// answer returns how the request is answered, and why.
func (d *Decision) answer() string {
	what := map[DecisionKind]string{
		DecisionForward: "forwarded", DecisionRedirect: "redirect", DecisionDirectResponse: "direct response",
		DecisionAbort: "aborted by a fault", DecisionPreflight: "preflight, answered by CORS",
		DecisionNotFound: "not found", DecisionBadRequest: "refused", DecisionNoServer: "no server",
		DecisionTooLarge: "refused, the body is too long",
	}[d.Kind]
	if d.Status != 0 {
		what = fmt.Sprintf("%d %s", d.Status, what)
	}
	if d.Reason != "" {
		what += ": " + d.Reason
	}
	return what
}

// A row is a line of a name, a text and a place.
type row struct{ name, text, place string }

type explanationPrinter struct{ strings.Builder }

// heading begins a part of the text.
func (p *explanationPrinter) heading(text string) {
	p.WriteByte('\n')
	if text != "" {
		fmt.Fprintf(p, "  %s\n", text)
	}
}

// nameWidth is the width of the first column, as in the text of a decision.
const nameWidth = 13

// steps prints steps.
func (p *explanationPrinter) steps(indent int, steps []Step) {
	rows := make([]row, len(steps))
	for i, s := range steps {
		rows[i] = row{s.Kind, s.Text, s.Place.String()}
	}
	p.print(indent, rows)
}

// print prints rows whose names are in a column of nameWidth.
func (p *explanationPrinter) print(indent int, rows []row) { p.columns(indent, nameWidth, rows) }

// columns prints rows in three columns. A text that leaves no room for the place has it on
// the next line.
func (p *explanationPrinter) columns(indent, names int, rows []row) {
	left := indent + names + 1
	text, place := 0, 0
	for _, r := range rows {
		place = max(place, len(r.place))
	}
	room := width - left - 2 - place
	for _, r := range rows {
		if n := utf8.RuneCountInString(r.text); r.place != "" && n <= room {
			text = max(text, n)
		}
	}
	for _, r := range rows {
		line := fmt.Sprintf("%*s%-*s ", indent, "", names, r.name)
		n := utf8.RuneCountInString(r.text)
		switch {
		case r.place == "":
			line += r.text
		case n <= room:
			line += r.text + strings.Repeat(" ", text-n+2) + r.place
		default:
			line += r.text + "\n" + strings.Repeat(" ", left) + r.place
		}
		p.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (p *explanationPrinter) candidates(list []Candidate) {
	names := 0
	rows := make([]row, len(list))
	for i := range list {
		c := &list[i]
		mark := " "
		r := row{place: c.Place.String()}
		switch {
		case c.Result == CandidateTaken:
			mark, r.text = ">", "takes the request: "+conditionsText(c.Conditions)
		case c.Result == CandidateLater:
			r.text = "would take it too: " + conditionsText(c.Conditions)
		case c.Failed != nil:
			r.text = c.Failed.String()
			if !c.Failed.Condition.Place.IsZero() {
				r.place = c.Failed.Condition.Place.String()
			}
		}
		r.name = mark + " " + strconv.Itoa(c.Index) + " " + c.Label()
		rows[i] = r
		names = max(names, utf8.RuneCountInString(r.name))
	}
	p.columns(2, min(names, 40)+1, rows)
}

// conditionsText returns conditions as one line.
func conditionsText(conditions []Condition) string {
	var texts []string
	for i := range conditions {
		if c := &conditions[i]; !c.Implied || len(conditions) == 1 {
			texts = append(texts, c.declared())
		}
	}
	return strings.Join(texts, ", ")
}

// answer prints the answer of the gateway itself.
func (p *explanationPrinter) answer(d *Decision) {
	header := d.Header.Clone()
	// They say nothing that is not said already.
	header.Del("Content-Length")
	header.Del("Connection")
	var rows []row
	rows = append(rows, headerRows(header)...)
	if d.Body != "" {
		rows = append(rows, row{"body", strconv.Quote(d.Body), ""})
	}
	p.print(2, rows)
}

func headerRows(h http.Header) []row {
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			rows = append(rows, row{"", strings.ToLower(name) + ": " + value, ""})
		}
	}
	return rows
}

// destination prints a destination: what is done for it, and the request that it gets.
func (p *explanationPrinter) destination(s *DestinationSteps, d *DecidedDestination) {
	p.print(2, []row{{"destination", s.Share + " to " + s.Cluster, s.Place.String()}})
	rows := make([]row, len(s.Steps))
	for i, step := range s.Steps {
		rows[i] = row{step.Kind, step.Text, step.Place.String()}
	}
	p.columns(4, nameWidth-2, rows)
	p.columns(4, nameWidth-2, append([]row{{"gets", d.Method + " " + d.Path, ""}, {"", "host: " + d.Authority, ""}}, headerRows(d.Headers)...))
}
