package inspect

import (
	"fmt"
	"io"
	"strings"
)

// String returns the changes as text for people: first what changes in one sentence,
// then each change.
func (c Changes) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, c.Summary())
	for i := range c.Servers {
		fmt.Fprintln(&b)
		c.Servers[i].print(&b)
	}
	if len(c.Hosts) > 0 {
		fmt.Fprintln(&b)
	}
	for i := range c.Hosts {
		fmt.Fprintln(&b, c.Hosts[i].String())
	}
	for i := range c.Requests {
		fmt.Fprintln(&b)
		if i == shownRequests {
			fmt.Fprintf(&b, "and %d more kinds of requests\n", len(c.Requests)-i)
			break
		}
		c.Requests[i].print(&b, c.Names)
	}
	if len(c.Unproved) > 0 {
		fmt.Fprintf(&b, "\nnot proved:\n")
	}
	for i := range c.Unproved {
		if i == shownUnproved {
			fmt.Fprintf(&b, "  and %d more\n", len(c.Unproved)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", c.Unproved[i].String())
	}
	return b.String()
}

// shownRequests is how many kinds of requests are printed.
const shownRequests = 100

// shownUnproved is how many of the unproved requests are printed.
const shownUnproved = 20

// Summary returns the changes as one sentence.
func (c *Changes) Summary() string {
	var parts []string
	count := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	count(len(c.Servers), "server changes", "servers change")
	count(c.hosts(Added), "host is added", "hosts are added")
	count(c.hosts(Removed), "host is removed", "hosts are removed")
	count(len(c.Requests), "kind of request gets another answer", "kinds of requests get another answer")
	what := strings.Join(parts, ", ")
	switch {
	case c.Names[1] != "new" && what == "" && c.Proved:
		return fmt.Sprintf("the %s and the %s answer every request in the same way: proved", c.Names[0], c.Names[1])
	case what == "" && c.Proved:
		return "no request changes: proved"
	case what == "":
		return "no changed request was found, but that is not proved for all of them"
	case c.Proved:
		return what + "; nothing else changes: proved"
	}
	return what + "; that nothing else changes is not proved"
}

func (c *Changes) hosts(kind ChangeKind) (n int) {
	for i := range c.Hosts {
		if c.Hosts[i].Kind == kind {
			n++
		}
	}
	return n
}

func field(w io.Writer, name, format string, args ...any) {
	fmt.Fprintf(w, "  %-15s %s\n", name, fmt.Sprintf(format, args...))
}

func (s *ServerChange) title() string {
	title := "listener " + s.Listener
	if len(s.Names) > 0 {
		title += " for " + strings.Join(s.Names, ", ")
	}
	return title
}

func (s *ServerChange) print(w io.Writer) {
	fmt.Fprintf(w, "%s %s\n", s.Kind, s.title())
	if s.Old != "" {
		field(w, "was", "%s", s.Old)
	}
	if s.New != "" {
		field(w, "is", "%s", s.New)
	}
}

// String returns the change on one line.
func (h *HostChange) String() string {
	text := fmt.Sprintf("%s host %s in %s", h.Kind, h.Host, h.RouteConfig)
	switch {
	case h.Instead != "" && h.Kind == Added:
		text += "; " + h.Instead + " served its requests"
	case h.Instead != "":
		text += "; " + h.Instead + " serves its requests"
	}
	return text
}

func (r *RequestChange) print(w io.Writer, names [2]string) {
	fmt.Fprintf(w, "%s %s\n", r.Kind, r.Witness.String())
	for _, d := range r.Differences {
		field(w, d.Name, "%s", d.arrow())
	}
	for _, a := range []struct {
		name string
		*Answer
	}{{names[0] + " route", &r.Old}, {names[1] + " route", &r.New}} {
		if text := a.route(); text != "" {
			field(w, a.name, "%s", text)
		}
	}
	if r.More > 0 {
		field(w, "", "and %d more like this: %s", r.More, r.others(3))
	}
}

// others returns the first other witnesses.
func (r *RequestChange) others(most int) string {
	var list []string
	for i := range r.Others[:min(most, len(r.Others))] {
		list = append(list, r.Others[i].String())
	}
	text := strings.Join(list, ", ")
	if r.More > len(list) {
		text += ", …"
	}
	return text
}

// arrow returns the two values.
func (d *Difference) arrow() string {
	old, new := d.Old, d.New
	if strings.Contains(old+new, "\n") {
		return arrowOfLines(old, new)
	}
	if old == "" {
		old = "none"
	}
	if new == "" {
		new = "none"
	}
	return old + " → " + new
}

// arrowOfLines returns the lines that only one of two texts has.
func arrowOfLines(old, new string) string {
	has := map[string]int{}
	for line := range strings.Lines(old) {
		has[line]--
	}
	for line := range strings.Lines(new) {
		has[line]++
	}
	var out []string
	for line := range strings.Lines(old) {
		if has[line] < 0 {
			out = append(out, "- "+strings.TrimSpace(line))
		}
	}
	for line := range strings.Lines(new) {
		if has[line] > 0 {
			out = append(out, "+ "+strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "; ")
}

// route returns which route gives the answer.
func (a *Answer) route() string {
	switch {
	case a.VirtualHost == "":
		return ""
	case a.Match == "":
		return "none of the host " + a.VirtualHost
	case a.VirtualService == "":
		return a.Match + ", host " + a.VirtualHost
	}
	text := a.VirtualService
	if a.Route != "" {
		text += " " + a.Route
	}
	text += ", " + a.Match
	if at := a.Place.String(); at != "" {
		text += " at " + at
	}
	return text
}

// String returns the requests on one line.
func (u *Unproved) String() string {
	var parts []string
	if u.RouteConfig != "" {
		parts = append(parts, strings.TrimSpace(u.RouteConfig+" "+u.Host))
	}
	for _, match := range []string{u.Old, u.New} {
		if match != "" {
			parts = append(parts, match)
		}
	}
	return strings.Join(append(parts, u.Reason), ": ")
}
