package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/julienschmidt/httprouter"
	"github.com/labstack/echo/v4"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// answered is the rule whose handler was called last. Contestants run on one
// goroutine.
var answered int

// A contestant makes a handler from a table. The handlers of the rules only
// record their rule and write the status.
type contestant struct {
	name string
	make func(table []rule) http.Handler
}

var contestants = []contestant{
	{"lateen", lateen},
	{"lateen, to a handler", lateenForwarding},
	{"plain scan", scan},
	{"gin", perHost(newGin)},
	{"echo", perHost(newEcho)},
	{"httprouter", perHost(newHTTPRouter)},
	{"chi", perHost(newChi)},
	{"ServeMux", perHost(newServeMux)},
}

// answer is what a rule's handler does.
func answer(w http.ResponseWriter, i int) {
	answered = i
	w.WriteHeader(http.StatusOK)
}

// lateen answers itself: matching, and the cheapest action.
func lateen(table []rule) http.Handler {
	return build(table, func(i int) spec.Route {
		return spec.Route{DirectResponse: &spec.DirectResponse{Status: http.StatusOK}}
	}, nil)
}

// lateenForwarding calls a handler with a copy of the request that has the
// edge's headers.
func lateenForwarding(table []rule) http.Handler {
	return build(table, func(i int) spec.Route {
		return spec.Route{Destinations: []spec.Destination{{Host: "backend"}}}
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) }))
}

func build(table []rule, action func(i int) spec.Route, backend http.Handler) *gateway.Gateway {
	b := gateway.New().Load(declared(declare(table, action)))
	if backend != nil {
		b.Backend("backend", backend)
	}
	gw, err := b.Build()
	if err != nil {
		panic(err)
	}
	return gw
}

// scan checks one rule after the other.
func scan(table []rule) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i := first(table, r); i >= 0 {
			answer(w, i)
			return
		}
		http.NotFound(w, r)
	})
}

// perHost puts a map of hosts before routers that do not support hosts.
func perHost(router func(paths []path) http.Handler) func(table []rule) http.Handler {
	return func(table []rule) http.Handler {
		hosts, order := map[string][]path{}, []string(nil)
		at := map[[2]string]int{}
		for i := range table {
			r := &table[i]
			k := [2]string{r.host, r.prefix}
			n, ok := at[k]
			if !ok {
				if hosts[r.host] == nil {
					order = append(order, r.host)
				}
				n = len(hosts[r.host])
				at[k] = n
				hosts[r.host] = append(hosts[r.host], path{prefix: r.prefix})
			}
			p := &hosts[r.host][n]
			p.rules, p.numbers = append(p.rules, *r), append(p.numbers, i)
		}
		if len(order) == 1 && order[0] == "" {
			return router(hosts[""])
		}
		handlers := make(map[string]http.Handler, len(order))
		for _, host := range order {
			handlers[host] = router(hosts[host])
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h := handlers[r.Host]; h != nil {
				h.ServeHTTP(w, r)
				return
			}
			http.NotFound(w, r)
		})
	}
}

// A path is the rules for one prefix. A router that supports only paths leaves
// them to the handler, which tries them in order.
type path struct {
	prefix  string
	rules   []rule
	numbers []int
}

func (p *path) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for i := range p.rules {
		if p.rules[i].takesRest(r) {
			answer(w, p.numbers[i])
			return
		}
	}
	http.NotFound(w, r)
}

var methods = []string{http.MethodGet, http.MethodPost}

func newGin(paths []path) http.Handler {
	gin.SetMode(gin.ReleaseMode) // otherwise it prints every route
	e := gin.New()
	for i := range paths {
		p := &paths[i]
		for _, m := range methods {
			e.Handle(m, p.prefix+"*rest", func(c *gin.Context) { p.ServeHTTP(c.Writer, c.Request) })
		}
	}
	return e
}

func newEcho(paths []path) http.Handler {
	e := echo.New()
	for i := range paths {
		p := &paths[i]
		for _, m := range methods {
			e.Add(m, p.prefix+"*", func(c echo.Context) error {
				p.ServeHTTP(c.Response(), c.Request())
				return nil
			})
		}
	}
	return e
}

func newHTTPRouter(paths []path) http.Handler {
	h := httprouter.New()
	for i := range paths {
		p := &paths[i]
		for _, m := range methods {
			h.Handle(m, p.prefix+"*rest", func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) { p.ServeHTTP(w, r) })
		}
	}
	return h
}

func newChi(paths []path) http.Handler {
	h := chi.NewRouter()
	for i := range paths {
		h.Handle(paths[i].prefix+"*", &paths[i])
	}
	return h
}

func newServeMux(paths []path) http.Handler {
	h := http.NewServeMux()
	for i := range paths {
		h.Handle(paths[i].prefix, &paths[i])
	}
	return h
}
