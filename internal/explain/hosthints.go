package explain

import (
	"fmt"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/suggest"
)

// hint adds a hint.
func (x *explainer) hint(kind inspect.HintKind, place inspect.Place, format string, args ...any) {
	x.Hints = append(x.Hints, inspect.Hint{Kind: kind, Text: fmt.Sprintf(format, args...), Place: place})
}

// connectionHints are for a request that no server accepts. l is the listener of its port,
// or nil.
func (x *explainer) connectionHints(l *program.Listener) {
	if len(x.program.Listeners) == 0 {
		x.hint(inspect.HintListener, inspect.Place{}, "there is no server at all")
		return
	}
	switch {
	case l == nil:
		var ports []string
		for _, l := range x.program.Listeners {
			port := fmt.Sprint(l.Port)
			if l.Plain == nil {
				port += " (TLS)"
			}
			ports = append(ports, port)
		}
		x.hint(inspect.HintListener, inspect.Place{}, "a URL's port is that of a Gateway, wherever it is mapped to; there is %s", strings.Join(ports, ", "))
	case l.Plain != nil && x.request.TLS != nil:
		x.hint(inspect.HintListener, inspect.Place{}, "port %d is for plain text: http, not https", l.Port)
	case l.Plain == nil && x.request.TLS == nil:
		x.hint(inspect.HintListener, inspect.Place{}, "port %d is for TLS: https, not http", l.Port)
	case l.Plain == nil:
		name := strings.ToLower(x.request.TLS.ServerName)
		var names []string
		for _, c := range l.Order[:min(len(l.Order), scanned)] {
			names = append(names, hosts.ServerNames(c.Server.Hosts)...)
		}
		if near := nearestHost(name, names); near != "" {
			x.hint(inspect.HintHost, inspect.Place{}, "%s", near)
		} else {
			x.hint(inspect.HintHost, inspect.Place{}, "the servers of port %d are for %s", l.Port, some(names))
		}
	}
	x.elsewhere()
}

// hostHints are for a request whose host has no virtual host.
func (x *explainer) hostHints() {
	before := len(x.Hints)
	domains := x.nearHosts()
	x.elsewhere()
	if len(x.Hints) == before && len(domains) > 0 {
		x.hint(inspect.HintHost, inspect.Place{}, "the virtual hosts of %s are %s", x.table.Name, some(domains))
	}
}

// nearHosts tells a domain of the table that is close to the host. It returns the domains
// that it compared.
func (x *explainer) nearHosts() []string {
	var domains []string
	for _, h := range x.table.Order[:min(len(x.table.Order), scanned)] {
		domains = append(domains, h.Domain)
	}
	if near := nearestHost(strings.ToLower(hosts.WithoutPort(x.authority())), domains); near != "" {
		x.hint(inspect.HintHost, inspect.Place{}, "%s", near)
	}
	return domains
}

// nearestHost says which domain is close to a host, or returns "".
func nearestHost(name string, domains []string) string {
	var exact []string
	for _, d := range domains {
		suffix, wildcard := strings.CutPrefix(d, "*")
		switch {
		case wildcard && suffix == "."+name:
			return fmt.Sprintf("%s is for the hosts below %s, not for %s itself", d, name, name)
		case !wildcard:
			exact = append(exact, d)
		}
	}
	if trimmed := strings.TrimSuffix(name, "."); trimmed != name {
		for _, d := range domains {
			if d == trimmed {
				return fmt.Sprintf("%s is served, without the dot at the end", trimmed)
			}
		}
	}
	if near := suggest.Closest(name, exact); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	// Below a wildcard only the suffix is compared.
	for _, d := range domains {
		suffix, wildcard := strings.CutPrefix(d, "*.")
		_, below, dotted := strings.Cut(name, ".")
		if wildcard && dotted && suggest.Closest(below, []string{suffix}) != "" {
			return fmt.Sprintf("did you mean a host of %s?", d)
		}
	}
	return ""
}

// some returns the first few of a list as text.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// tables is how many other route tables are asked.
const tables = 100

// elsewhere says which other listeners have a route for the request.
func (x *explainer) elsewhere() {
	asked := 0
	for _, l := range x.program.Listeners {
		var others []*program.RouteTable
		if l.Plain != nil {
			others = append(others, l.Plain)
		}
		for _, c := range l.Order {
			others = append(others, c.Table)
		}
		for _, t := range others {
			if t == x.table || t == nil {
				continue
			}
			if asked++; asked > tables {
				return
			}
			x.elsewhereIn(l, t)
		}
	}
}

func (x *explainer) elsewhereIn(l *program.Listener, t *program.RouteTable) {
	host, ok := t.Hosts.Find(x.authority())
	if !ok || host == program.Blackhole || !x.hasPath() {
		return
	}
	scheme, v := "http", x.view
	if t.TLS {
		scheme = "https"
	}
	v.Scheme = scheme
	what := fmt.Sprintf("%s, port %d (%s)", scheme, l.Port, t.Name)
	if host.RedirectedBy != nil && !t.TLS {
		x.hint(inspect.HintListener, inspect.At(host.RedirectedBy, "tls.httpsRedirect"), "%s redirects it to https", what)
		return
	}
	if o := x.program.Doubt(host, x.request.URL.RawQuery, x.request.Header["Connection"]); o.IsDoubt() {
		x.hint(inspect.HintListener, inspect.Place{}, "%s has the virtual host %s, which refuses it: %s", what, host.Domain, o.Reason())
		return
	}
	if c := host.Find(&v); c != nil {
		x.hint(inspect.HintListener, c.Route.Place(), "%s takes it: route %s", what, label(c))
	} else if x.host == nil {
		x.hint(inspect.HintHost, inspect.Place{}, "%s has the virtual host %s, without a route for it", what, host.Domain)
	}
}

// label returns the VirtualService and the name of a route.
func label(c *program.Clause) string { return strings.TrimSpace(c.Route.Service + " " + c.Name) }

// authority returns the Host header that routes are found by.
func (x *explainer) authority() string {
	if x.view.Request != nil {
		return x.view.Request.Host
	}
	return x.request.Host
}
