package gateway

import (
	"github.com/lateengo/gateway/inspect"
)

// Routes returns all routes of the gateway, in the order in which requests try them. The
// cost grows with the number of routes: it is for tools and tests, not for each request.
func (g *Gateway) Routes() inspect.Table { return g.load().Table() }
