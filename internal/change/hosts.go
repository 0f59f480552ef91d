package change

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// A hostPair is the virtual hosts of both programs for the authorities of one class:
// those for which a domain is the most specific one in both route tables together.
type hostPair struct {
	domain string
	// oldTable and newTable are the route tables, and old and new the virtual hosts. A
	// virtual host may be nil.
	oldTable, newTable *program.RouteTable
	old, new           *program.VirtualHost
	space              region.Space
	owners             *owners
}

// owners finds the domain of an authority among those of both route tables.
type owners struct {
	hosts.Table[string]
	// clauses are those of the requests that domains get.
	clauses map[string]*match.Clause
}

// others returns a clause for the requests that go to another domain, if an authority is
// one of theirs.
func (h *hostPair) others(authority string) *match.Clause {
	domain, _ := h.owners.Find(authority)
	if domain == h.domain {
		return nil
	}
	c := h.owners.clauses[domain]
	if c == nil {
		name := regexp.QuoteMeta(domain)
		if suffix, ok := strings.CutPrefix(domain, "*"); ok {
			name = ".+" + regexp.QuoteMeta(suffix)
		}
		uri, conditions, _ := match.Compile(&spec.Match{Authority: spec.Regex(`(?i)` + name + `(:[^\]]*)?`)}, regex.Cache{})
		c = &match.Clause{URI: uri, Conditions: conditions}
		h.owners.clauses[domain] = c
	}
	return c
}

// tables compares two route tables.
func (c *comparison) tables(old, new *program.RouteTable) {
	domains := slices.Concat(old.Domains(), new.Domains())
	// Exact names come first: their requests are the best witnesses.
	slices.SortFunc(domains, func(a, b string) int {
		x, y := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*")
		switch {
		case x == y:
			return cmp.Compare(a, b)
		case y:
			return -1
		}
		return 1
	})
	domains = slices.Compact(domains)
	var all hosts.Table[string]
	for _, domain := range domains {
		all.Add(domain, domain)
	}
	o := &owners{all, map[string]*match.Clause{}}
	for _, domain := range domains {
		h := hostPair{domain: domain, oldTable: old, newTable: new, owners: o}
		h.old, h.new = ownerOf(old, domain), ownerOf(new, domain)
		h.space = region.Space{
			Hosts: []region.Host{{Domain: domain}}, Schemes: c.schemes(new), Port: new.Port,
			Normalization: c.new.Normalization, Edge: &c.new.Edge, Strict: c.new.Strict != nil,
		}
		c.hostChange(&h)
		c.host(&h)
		c.doubts(&h)
	}
}

// schemes returns the schemes that requests to a table can have.
func (c *comparison) schemes(t *program.RouteTable) []string {
	own, other := "http", "https"
	if t.TLS {
		own, other = other, own
	}
	if c.new.Edge.Trusted == 0 {
		return []string{own}
	}
	return []string{own, other}
}

// ownerOf returns the virtual host of a table for the class of a domain, or nil.
func ownerOf(t *program.RouteTable, domain string) *program.VirtualHost {
	name := domain
	if wildcard, ok := strings.CutPrefix(domain, "*"); ok {
		name = "\x00" + wildcard // a name that no other domain has
	}
	h, _ := t.Hosts.FindName(name)
	if h == program.Blackhole {
		return nil
	}
	return h
}

// hostChange notes that a domain was added or removed.
func (c *comparison) hostChange(h *hostPair) {
	has := func(v *program.VirtualHost) bool { return v != nil && v.Domain == h.domain }
	change := inspect.HostChange{RouteConfig: h.newTable.Name, Host: h.domain}
	other := h.old
	switch {
	case has(h.old) == has(h.new):
		return
	case has(h.new):
		change.Kind = inspect.Added
	default:
		change.Kind, change.RouteConfig, other = inspect.Removed, h.oldTable.Name, h.new
	}
	if other != nil {
		change.Instead = other.Domain
	}
	c.out.Hosts = append(c.out.Hosts, change)
}

// A hostResult is what was found out about a pair of lists.
type hostResult struct {
	classes  []*class
	unproved []inspect.Unproved
}

// host compares the virtual hosts of a class of authorities.
func (c *comparison) host(h *hostPair) {
	old, new := c.steps(c.old, h.old, h.oldTable.TLS), c.steps(c.new, h.new, h.newTable.TLS)
	if slices.EqualFunc(old, new, func(a, b step) bool { return a.same(&b) && a.unknown == "" && a.Same(b.Clause) }) {
		return
	}
	key, portable := c.signature(old, new)
	key += " " + strconv.Itoa(h.newTable.Port) + strconv.FormatBool(h.newTable.TLS)
	if known := c.solved[key]; known != nil && portable {
		if c.reuse(h, known, old, new) {
			return
		}
	}
	p := newPairs(c, h, old, new)
	p.find()
	c.solved[key] = p.result
	c.classes = append(c.classes, p.result.classes...)
	c.out.Unproved = append(c.out.Unproved, p.result.unproved...)
}

// signature returns a text that is the same for pairs of lists with the same clauses and
// answers. It is not portable if a clause compares the authority.
func (c *comparison) signature(old, new []step) (key string, portable bool) {
	var b strings.Builder
	portable = true
	for _, list := range [][]step{old, new} {
		for i := range list {
			s := &list[i]
			portable = portable && !s.ReadsAuthority()
			for _, n := range []int{c.intern("key " + s.Key()), s.id, s.path} {
				b.WriteString(strconv.Itoa(n))
				b.WriteByte(' ')
			}
		}
		b.WriteByte('|')
	}
	return b.String(), portable
}

// reuse takes the result of another pair of hosts with the same lists, with witnesses for
// this one. It fails if one of them is not a witness here.
func (c *comparison) reuse(h *hostPair, known *hostResult, old, new []step) bool {
	authority := h.domain
	if suffix, ok := strings.CutPrefix(authority, "*"); ok {
		authority = "any" + suffix
		if suffix == "" {
			authority = "any.test"
		}
	}
	if h.others(authority) != nil {
		return false
	}
	var classes []*class
	for _, k := range known.classes {
		r := *k.request
		r.Authority = authority
		moved := *k
		moved.host, moved.request, moved.oldStep, moved.newStep = h, &r, stepAt(old, k.old), stepAt(new, k.new)
		if a, b := h.ask(c, &r, old, new); a != k.old || b != k.new {
			return false
		}
		classes = append(classes, &moved)
	}
	c.classes = append(c.classes, classes...)
	for _, u := range known.unproved {
		u.Host = h.domain
		c.out.Unproved = append(c.out.Unproved, u)
	}
	return true
}
