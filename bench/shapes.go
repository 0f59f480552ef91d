package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
)

// A rule is one of the ordered routes of a table: the first that matches a
// request wins. Empty fields match everything.
type rule struct {
	host, prefix, method string
	header, query        condition
}

// A condition compares the value of one header or query parameter.
type condition struct {
	name  string
	kind  kind
	value string
}

type kind uint8

const (
	exact kind = iota
	prefix
	present
)

func (c *condition) holds(value string, found bool) bool {
	switch {
	case c.name == "":
		return true
	case !found:
		return false
	case c.kind == exact:
		return value == c.value
	case c.kind == prefix:
		return strings.HasPrefix(value, c.value)
	}
	return true
}

// takesRest reports whether a rule matches a request whose host and path are
// known to match.
func (r *rule) takesRest(req *http.Request) bool {
	if r.method != "" && r.method != req.Method {
		return false
	}
	if r.header.name != "" {
		lines := req.Header[r.header.name]
		if len(lines) == 0 || !r.header.holds(lines[0], true) {
			return false
		}
	}
	if r.query.name != "" {
		value, found := parameter(req.URL.RawQuery, r.query.name)
		return r.query.holds(value, found)
	}
	return true
}

func (r *rule) takes(req *http.Request) bool {
	return (r.host == "" || r.host == req.Host) && strings.HasPrefix(req.URL.Path, r.prefix) && r.takesRest(req)
}

// parameter returns the first value of a query parameter, without the cost of
// url.Values.
func parameter(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// A shape is a way in which route tables are large.
type shape struct {
	name, about string
	rule        func(i int) rule
	// ask changes r, which has the host and the path of rule i, so that rule i
	// matches it, or no rule if miss.
	ask func(r *http.Request, i int, miss bool)
}

// prefixOf is the i-th of disjoint prefixes.
func prefixOf(i int) string {
	region := [...]string{"eu", "us", "ap", "sa"}[i%4]
	service := [...]string{"products", "orders", "users", "carts", "invoices"}[i%5]
	return fmt.Sprintf("/api/%s/v%d/%s%d/", region, i%3+1, service, i)
}

var shapes = []shape{
	{
		name: "prefixes", about: "N disjoint prefixes such as `/api/eu/v1/products12/`",
		rule: func(i int) rule { return rule{prefix: prefixOf(i)} },
		ask:  missPath,
	},
	{
		name: "hosts", about: "N/4 hosts with 4 prefixes each",
		rule: func(i int) rule {
			return rule{host: fmt.Sprintf("shop%d.example.com", i/4), prefix: fmt.Sprintf("/part%d/", i%4)}
		},
		ask: missPath,
	},
	{
		name: "rules", about: "N ordered rules, 8 on each prefix, told apart by method, headers and query",
		rule: orderedRule,
		ask:  askOrderedRule,
	},
	{
		name: "tenants", about: "N rules on one prefix, told apart by the exact value of one header",
		rule: func(i int) rule {
			return rule{prefix: "/api/", header: condition{"X-Tenant", exact, fmt.Sprintf("tenant-%d", i)}}
		},
		ask: func(r *http.Request, i int, miss bool) {
			r.Header.Set("X-Tenant", fmt.Sprintf("tenant-%d", i))
			if miss {
				r.Header.Set("X-Tenant", "nobody")
			}
		},
	},
}

func missPath(r *http.Request, _ int, miss bool) {
	if miss {
		r.URL.Path = "/nothing" + r.URL.Path
		r.RequestURI = r.URL.Path
	}
}

func orderedRule(i int) rule {
	r := rule{prefix: prefixOf(i / 8)}
	switch i % 8 {
	case 0:
		r.method, r.header = http.MethodPost, condition{"X-Canary", exact, "yes"}
	case 1:
		r.header = condition{"X-Group", exact, "beta"}
	case 2:
		r.header = condition{"X-Group", exact, "staff"}
	case 3:
		r.query = condition{"version", exact, "2"}
	case 4:
		r.query = condition{"debug", present, ""}
	case 5:
		r.header = condition{"X-Region", prefix, "eu-"}
	case 6:
		r.header = condition{"User-Agent", prefix, "curl/"}
	}
	return r
}

func askOrderedRule(r *http.Request, i int, miss bool) {
	switch i % 8 {
	case 0:
		r.Method = http.MethodPost
		r.Header.Set("X-Canary", "yes")
	case 1:
		r.Header.Set("X-Group", "beta")
	case 2:
		r.Header.Set("X-Group", "staff")
	case 3:
		r.URL.RawQuery = "page=1&version=2"
	case 4:
		r.URL.RawQuery = "page=1&debug"
	case 5:
		r.Header.Set("X-Region", "eu-west-3")
	case 6:
		r.Header.Set("User-Agent", "curl/8.14.1")
	}
	missPath(r, i, miss)
}

func (s *shape) table(n int) []rule {
	table := make([]rule, n)
	for i := range table {
		table[i] = s.rule(i)
	}
	return table
}

const requestCount = 1024

// requests returns shuffled requests for a table, one in 16 of which is
// unmatched, with the matching rule of each, or -1, as a scan finds it.
func (s *shape) requests(table []rule) ([]*http.Request, []int) {
	random := rand.New(rand.NewPCG(7, uint64(len(table))))
	requests, answers := make([]*http.Request, requestCount), make([]int, requestCount)
	for k := range requests {
		i := random.IntN(len(table))
		r := httptest.NewRequest(http.MethodGet, table[i].prefix+"42/reviews", nil)
		r.Host = "shop.example.com"
		if table[i].host != "" {
			r.Host = table[i].host
		}
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Accept-Encoding", "gzip, deflate, br")
		s.ask(r, i, random.IntN(16) == 0)
		requests[k], answers[k] = r, first(table, r)
	}
	return requests, answers
}

// first returns the first rule that matches r, or -1.
func first(table []rule, r *http.Request) int {
	for i := range table {
		if table[i].takes(r) {
			return i
		}
	}
	return -1
}
