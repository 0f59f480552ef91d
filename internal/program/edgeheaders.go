package program

import (
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/header"
)

// edgeHeadersBefore writes the edge's headers that come before the route's operations.
func (x *exchange) edgeHeadersBefore(c *edge.ClientHeaders) {
	e := &x.program.Edge
	if e.Open || !e.Semantics.EdgeHeadersFirst() {
		return
	}
	h := x.Req.Header
	if c.Chain != "" {
		h[edge.ForwardedForHeader] = x.One(c.Chain)
	}
	h[edge.ForwardedProtoHeader] = x.One(c.Proto)
	h[edge.RequestIDHeader] = x.One(e.RequestID())
	if c.Address != "" {
		h[edge.ExternalAddressHeader] = x.One(c.Address)
	}
	if c.Certificate != "" {
		h[edge.ClientCertHeader] = x.One(c.Certificate)
	}
}

// edgeHeadersAfter writes the edge's headers that come after the route's
// operations, except those that the operations have written or removed.
func (x *exchange) edgeHeadersAfter(c *edge.ClientHeaders) {
	e := &x.program.Edge
	if e.Open || e.Semantics.EdgeHeadersFirst() {
		return
	}
	h, w := x.Req.Header, x.dest.Writes
	if c.Chain != "" && w&removesForwardedFor == 0 && (w&writesForwardedFor == 0 || len(h[edge.ForwardedForHeader]) == 0) {
		h[edge.ForwardedForHeader] = x.One(c.Chain)
	}
	if w&removesForwardedProto == 0 && (w&writesForwardedProto == 0 || len(h[edge.ForwardedProtoHeader]) == 0) {
		h[edge.ForwardedProtoHeader] = x.One(c.Proto)
	}
	if w&removesRequestID == 0 && (w&writesRequestID == 0 || len(h[edge.RequestIDHeader]) == 0) {
		h[edge.RequestIDHeader] = x.One(e.RequestID())
	}
	if c.Certificate != "" && w&removesClientCert == 0 && len(h[edge.ClientCertHeader]) == 0 {
		h[edge.ClientCertHeader] = x.One(c.Certificate)
	}
}

// edgeWrites is the set of the edge's headers that a route's operations may write or
// remove.
type edgeWrites uint8

const (
	writesForwardedFor edgeWrites = 1 << iota
	writesForwardedProto
	writesRequestID
	removesForwardedFor
	removesForwardedProto
	removesRequestID
	removesClientCert
)

// WritesOf returns which of the edge's headers operations may write or remove.
func WritesOf(levels [2]*header.Operations) (w edgeWrites) {
	for _, ops := range levels {
		if ops == nil {
			continue
		}
		for _, key := range ops.Removed() {
			switch key {
			case edge.ForwardedForHeader:
				w |= removesForwardedFor
			case edge.ForwardedProtoHeader:
				w |= removesForwardedProto
			case edge.RequestIDHeader:
				w |= removesRequestID
			case edge.ClientCertHeader:
				w |= removesClientCert
			}
		}
		for _, list := range [][]header.Value{ops.Set, ops.Add} {
			for i := range list {
				// A computed value may read the request's id, and so create it.
				if list[i].Format != nil {
					w |= writesRequestID
				}
				switch list[i].Key {
				case edge.ForwardedForHeader:
					w |= writesForwardedFor
				case edge.ForwardedProtoHeader:
					w |= writesForwardedProto
				case edge.RequestIDHeader:
					w |= writesRequestID
				}
			}
		}
	}
	return w
}
