package program

import (
	"net/http"
	"time"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/header"
)

// formatContext returns the context for the values of ops, or nil if they are
// constant.
func (x *exchange) formatContext(ops *header.Operations) *header.Context {
	if !ops.Dynamic {
		return nil
	}
	return &header.Context{X: x, Request: x.Req.Header}
}

// The methods of an exchange that operators in header values use.

func (x *exchange) Incoming() *http.Request { return x.in }

func (x *exchange) Sent() *http.Request { return x.Req }

func (x *exchange) Edge() *edge.Edge { return &x.program.Edge }

func (x *exchange) EdgeFirst() bool { return x.program.Semantics.EdgeHeadersFirst() }

func (x *exchange) Alone() bool { return x.program.Bare }

func (x *exchange) Scheme() string { return x.v.Scheme }

func (x *exchange) Path() string { return x.v.Path }

func (x *exchange) PathAndQuery() string { return x.v.PathAndQuery() }

func (x *exchange) RouteName() string { return x.clause.Name }

func (x *exchange) Forwarded() bool { return x.dest != nil }

func (x *exchange) Cluster() string {
	if x.dest == nil {
		return ""
	}
	return x.dest.Cluster()
}

func (x *exchange) Upstream() (address, protocol string) {
	if x.w == nil {
		return "", ""
	}
	return x.w.host.Address, x.w.host.Protocol
}

// Started returns when the gateway received the request.
func (x *exchange) Started() time.Time {
	if x.w == nil {
		return time.Now()
	}
	return x.w.start
}
