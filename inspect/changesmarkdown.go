package inspect

import (
	"fmt"
	"strings"
)

// shownRows is how many rows the table of Markdown has.
const shownRows = 30

// Markdown returns the changes as a comment for a pull request: a sentence, a table of the
// changed requests, and the details, which are folded.
func (c *Changes) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**Requests**: %s.\n", c.Summary())
	if len(c.Servers)+len(c.Hosts) > 0 {
		fmt.Fprintln(&b)
	}
	for i := range c.Servers {
		s := &c.Servers[i]
		what := (&Difference{Old: s.Old, New: s.New}).arrow()
		fmt.Fprintf(&b, "- %s %s: %s\n", s.Kind, code(s.title()), code(what))
	}
	for i := range c.Hosts {
		h := &c.Hosts[i]
		fmt.Fprintf(&b, "- %s host %s in %s", h.Kind, code(h.Host), code(h.RouteConfig))
		if h.Instead != "" {
			fmt.Fprintf(&b, ", beside %s", code(h.Instead))
		}
		fmt.Fprintln(&b)
	}
	if len(c.Requests) > 0 {
		fmt.Fprintf(&b, "\n| | Request | What changes | Before | After |\n|---|---|---|---|---|\n")
	}
	for i := range c.Requests {
		if i == shownRows {
			fmt.Fprintf(&b, "| | and %d more | | | |\n", len(c.Requests)-i)
			break
		}
		c.Requests[i].row(&b)
	}
	if len(c.Requests) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>Which routes</summary>\n\n")
		for i := range c.Requests[:min(len(c.Requests), shownRows)] {
			r := &c.Requests[i]
			fmt.Fprintf(&b, "- %s\n", code(r.Witness.String()))
			for _, a := range []struct {
				name string
				*Answer
			}{{"before", &r.Old}, {"after", &r.New}} {
				text := code(a.Text)
				if route := a.route(); route != "" {
					text += ", by " + code(route)
				}
				fmt.Fprintf(&b, "  - %s: %s\n", a.name, text)
			}
			if r.More > 0 {
				fmt.Fprintf(&b, "  - and %d more like this: %s\n", r.More, code(r.others(3)))
			}
		}
		fmt.Fprintf(&b, "\n</details>\n")
	}
	if len(c.Unproved) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>Not proved</summary>\n\n")
		for i := range c.Unproved {
			if i == shownUnproved {
				fmt.Fprintf(&b, "- and %d more\n", len(c.Unproved)-i)
				break
			}
			fmt.Fprintf(&b, "- %s\n", code(c.Unproved[i].String()))
		}
		fmt.Fprintf(&b, "\n</details>\n")
	}
	return b.String()
}

// row writes the rows of a change, one for each difference.
func (r *RequestChange) row(b *strings.Builder) {
	request := cell(r.Witness.String())
	if r.More > 0 {
		request += fmt.Sprintf(" and %d more", r.More)
	}
	kind := string(r.Kind)
	for _, d := range r.Differences {
		old, new := d.Old, d.New
		if strings.Contains(old+new, "\n") {
			old, new = "", arrowOfLines(old, new)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", kind, request, d.Name, cell(old), cell(new))
		kind, request = "", ""
	}
}

// code returns a text as a code span.
func code(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// cell returns a text as a code span in a cell of a table, or nothing.
func cell(text string) string {
	if text == "" {
		return ""
	}
	return strings.ReplaceAll(code(text), "|", `\|`)
}
