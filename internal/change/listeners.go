package change

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/internal/traffic"
)

type listenerKey struct {
	port int
	bind string
}

// listeners compares the listeners of both programs.
func (c *comparison) listeners() {
	old, new := byAddress(c.old.Listeners), byAddress(c.new.Listeners)
	all := maps.Clone(old)
	maps.Copy(all, new)
	keys := slices.SortedFunc(maps.Keys(all), func(a, b listenerKey) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.bind, b.bind))
	})
	for _, key := range keys {
		a, b := old[key], new[key]
		switch {
		case a == nil:
			c.server(b, nil, inspect.Added, "", listenerText(b))
		case b == nil:
			c.server(a, nil, inspect.Removed, listenerText(a), "")
		case (a.Plain == nil) != (b.Plain == nil):
			c.server(b, nil, inspect.Changed, listenerText(a), listenerText(b))
		case a.Plain != nil:
			c.tables(a.Plain, b.Plain)
		default:
			c.chains(a, b)
		}
	}
}

func byAddress(list []*program.Listener) map[listenerKey]*program.Listener {
	out := make(map[listenerKey]*program.Listener, len(list))
	for _, l := range list {
		out[listenerKey{l.Port, l.Bind}] = l
	}
	return out
}

func (c *comparison) server(l *program.Listener, names []string, kind inspect.ChangeKind, old, new string) {
	c.out.Servers = append(c.out.Servers, inspect.ServerChange{Listener: l.Name(), Names: names, Kind: kind, Old: old, New: new})
}

// listenerText describes a whole listener.
func listenerText(l *program.Listener) string {
	word, tables := "TLS", []*program.RouteTable{l.Plain}
	if l.Plain != nil {
		word = "plain text"
	} else {
		tables = nil
		for _, ch := range l.Order {
			tables = append(tables, ch.Table)
		}
	}
	var domains []string
	for _, t := range tables {
		domains = append(domains, t.Domains()...)
	}
	if len(domains) == 0 {
		return word + " without hosts"
	}
	slices.Sort(domains)
	return word + " for " + listText(slices.Compact(domains), 5)
}

// listText joins the first words of a list.
func listText(list []string, most int) string {
	if len(list) <= most+1 {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + " and " + countText(len(list)-most, "more")
}

// chains compares the TLS servers of a port, by the server names of clients.
func (c *comparison) chains(old, new *program.Listener) {
	type pair struct{ old, new *program.Chain }
	names := map[pair][]string{}
	var order []pair
	var all []string
	for _, l := range []*program.Listener{old, new} {
		for _, ch := range l.Order {
			all = append(all, hosts.ServerNames(ch.Server.Hosts)...)
		}
	}
	slices.Sort(all)
	for _, name := range slices.Compact(all) {
		p := pair{chainOf(old, name), chainOf(new, name)}
		if names[p] == nil {
			order = append(order, p)
		}
		names[p] = append(names[p], name)
	}
	for _, p := range order {
		a, b := tableOf(p.old), tableOf(p.new)
		switch {
		case a == nil && b == nil:
			continue
		case a == nil:
			c.server(new, names[p], inspect.Added, "", tlsText(p.new))
		case b == nil:
			c.server(old, names[p], inspect.Removed, tlsText(p.old), "")
		default:
			if x, y := tlsText(p.old), tlsText(p.new); x != y {
				c.server(new, names[p], inspect.Changed, x, y)
			}
			c.tables(a, b)
		}
	}
}

// chainOf returns the TLS server for a server name, or for those that only a wildcard
// has.
func chainOf(l *program.Listener, name string) *program.Chain {
	if wildcard, ok := strings.CutPrefix(name, "*"); ok {
		name = "\x00" + wildcard
	}
	ch, _ := l.Chains.FindName(name)
	return ch
}

func tableOf(ch *program.Chain) *program.RouteTable {
	if ch == nil {
		return nil
	}
	return ch.Table
}

func tlsText(ch *program.Chain) string {
	var lines text.Lines
	traffic.PrintServerTLS(ch.Server.TLS, &lines)
	return strings.TrimSpace(lines.String())
}

// named compares route configs by their names.
func (c *comparison) named(configs map[string]string) {
	old, new := tablesOf(c.old), tablesOf(c.new)
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		a, b := old[name], new[configs[name]]
		if a != nil && b != nil {
			c.tables(a, b)
			continue
		}
		c.out.Unproved = append(c.out.Unproved, inspect.Unproved{RouteConfig: name, Reason: "there is no such route config, or none to compare it with"})
	}
}

func tablesOf(s *side) map[string]*program.RouteTable {
	out := map[string]*program.RouteTable{}
	for _, l := range s.Listeners {
		if l.Plain != nil {
			out[l.Plain.Name] = l.Plain
		}
		for _, ch := range l.Order {
			out[ch.Table.Name] = ch.Table
		}
	}
	return out
}
