package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/change"
	"github.com/lateengo/gateway/internal/explain"
	"github.com/lateengo/gateway/internal/shadow"
)

// Routes returns all routes of the gateway, in the order in which requests try them. The
// cost grows with the number of routes: it is for tools and tests, not for each request.
func (g *Gateway) Routes() inspect.Table { return g.load().Table() }

// Changes returns which requests get another answer from the gateway to than from g, with
// a request of each kind as a witness, or the proof that none does. It looks at what is
// configured: nothing is served, counted or sent. The zero Comparing compares everything.
//
// It is for tools and tests: with many thousands of routes that differ, it takes seconds.
func (g *Gateway) Changes(to *Gateway, o inspect.Comparing) inspect.Changes {
	return change.Compare(g.load(), to.load(), o)
}

// Explain returns the answer that a request would get from ServeHTTP, as Decide does, and
// why: which routes were tried and which of their conditions failed, what the route does
// step by step, where each of it was declared, and what is close if there is no route. The
// cost grows with the number of routes that can match the path, not with all routes.
func (g *Gateway) Explain(r *http.Request) inspect.Explanation {
	p := g.load().Deciding()
	return explain.Explain(p, r, p.TableFor(r))
}

// Explain explains the answer that a request to the port would get.
func (l *Listener) Explain(r *http.Request) inspect.Explanation {
	p := l.gateway.load().Deciding()
	return explain.ExplainAt(p, r, l.compiled(p))
}

// Shadows returns the parts of the configuration that can never act, such as routes that
// earlier ones take all requests from, in the order of the sources. Each has a request that
// a person would expect there, and what takes it. The cost grows with the number of routes:
// about a second for ten thousand.
func (g *Gateway) Shadows() []inspect.Shadow { return shadow.Of(g.load()) }
