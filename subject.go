package gateway

import (
	"net/http"
	"time"
)

// The methods of an exchange that operators in header values use.

func (x *exchange) incoming() *http.Request { return x.in }
func (x *exchange) sent() *http.Request     { return x.req }
func (x *exchange) edgeOf() *edge           { return &x.program.edge }
func (x *exchange) edgeFirst() bool         { return x.program.semantics.edgeHeadersFirst() }
func (x *exchange) alone() bool             { return x.program.bare }
func (x *exchange) scheme() string          { return x.v.scheme }
func (x *exchange) path() string            { return x.v.path }
func (x *exchange) pathAndQuery() string    { return x.v.pathAndQuery() }
func (x *exchange) routeName() string       { return x.clause.name }

func (x *exchange) forwarded() bool { return x.dest != nil }

func (x *exchange) cluster() string {
	if x.dest == nil {
		return ""
	}
	return x.dest.cluster()
}

func (x *exchange) upstream() (address, protocol string) {
	if x.w == nil {
		return "", ""
	}
	return x.w.host.Address, x.w.host.Protocol
}

// started returns when the request was taken.
func (x *exchange) started() time.Time {
	if x.w == nil {
		return time.Now()
	}
	return x.w.start
}
