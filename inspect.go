package gateway

import (
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/change"
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
