package inspect

import (
	"fmt"
	"strings"
)

// DOT returns the table as a graph in the language of Graphviz: listeners, virtual hosts,
// routes and destinations from left to right. A destination of several routes is one node.
func (t Table) DOT() string {
	g := dotPrinter{clusters: map[string]string{}}
	g.WriteString("digraph routes {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n")
	for i := range t.Listeners {
		l := &t.Listeners[i]
		listener := g.node("shape=cds", "listener "+l.Name)
		for j := range l.RouteConfigs {
			c := &l.RouteConfigs[j]
			for k := range c.VirtualHosts {
				h := &c.VirtualHosts[k]
				host := g.node("shape=folder", "host "+h.Domain)
				g.edge(listener, host, c.Name)
				if h.RedirectsToHTTPS {
					g.edge(host, g.node("shape=plaintext", "redirect plain text to https"), "")
				}
				for n := range h.Routes {
					g.route(host, &h.Routes[n])
				}
			}
		}
	}
	g.WriteString("}\n")
	return g.String()
}

// A dotPrinter prints nodes and edges. The identities of nodes are numbers in the order of
// the table, so that the same table has the same text.
type dotPrinter struct {
	strings.Builder
	nodes int
	// clusters are the nodes of destinations.
	clusters map[string]string
}

// quoted returns a text as a quoted string. A backslash would begin an escape.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", "").Replace(text) + `"`
}

func (g *dotPrinter) node(style string, lines ...string) string {
	id := fmt.Sprintf("n%d", g.nodes)
	g.nodes++
	fmt.Fprintf(g, "  %s [%s, label=%s];\n", id, style, quoted(strings.Join(lines, "\n")))
	return id
}

func (g *dotPrinter) edge(from, to, label string) {
	if label == "" {
		fmt.Fprintf(g, "  %s -> %s;\n", from, to)
		return
	}
	fmt.Fprintf(g, "  %s -> %s [label=%s];\n", from, to, quoted(label))
}

func (g *dotPrinter) route(host string, r *Route) {
	lines := []string{r.Label()}
	for i := range r.Conditions {
		if c := &r.Conditions[i]; !c.Implied || len(r.Conditions) == 1 {
			lines = append(lines, c.declared())
		}
	}
	if r.Redirect != nil {
		lines = append(lines, r.Redirect.String())
	}
	if r.DirectResponse != nil {
		lines = append(lines, fmt.Sprintf("respond %d", r.DirectResponse.Status))
	}
	route := g.node("style=rounded", lines...)
	g.edge(host, route, fmt.Sprint(r.Index))
	for i := range r.Destinations {
		d := &r.Destinations[i]
		label := d.Share()
		if label == "all" {
			label = ""
		}
		g.edge(route, g.cluster(d.Cluster, d.Missing), label)
	}
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		g.edge(route, g.cluster(m.Cluster, m.Missing), fmt.Sprintf("mirror %v%%", m.Percent))
	}
}

// cluster returns the node of a destination.
func (g *dotPrinter) cluster(name string, missing bool) string {
	id, ok := g.clusters[name]
	if !ok {
		style := "shape=component"
		if missing {
			style += ", style=dashed, color=red"
		}
		id = g.node(style, name)
		g.clusters[name] = id
	}
	return id
}
