package inspect

import (
	"github.com/lateengo/gateway/spec"
)

// A Shadow is a part of a configuration that can never act, or that does not get a request
// which it matches. gateway.Gateway.Shadows returns them.
//
// What a Shadow says was checked: its Witness was decided, and a part that is said to never
// act gets no request at all.
type Shadow struct {
	Kind ShadowKind `json:"kind"`
	// Code is that of Istio's analyzer, IST0130 or IST0131, or "".
	Code spec.Code `json:"code,omitempty"`
	// Place is the part: a route, a match, a condition, a host or a destination.
	Place Place `json:"place"`
	// Text says what is the matter, on one line. It contains the witness and what
	// takes it.
	Text string `json:"text"`
	// Witness is a request that a person would expect to reach the part. It is nil if
	// there is none, because no request can match.
	Witness *Witness `json:"witness,omitempty"`
	// Takers are the routes that get the requests in place of the part. The first one
	// gets the witness.
	Takers []Taker `json:"takers,omitempty"`
}

// A ShadowKind is what a Shadow is about.
type ShadowKind string

// The kinds of a Shadow.
const (
	// ShadowRoute: a route gets no request, because earlier routes match all of them.
	ShadowRoute ShadowKind = "route"
	// ShadowMatch: one match of a route gets no request, and another one does.
	ShadowMatch ShadowKind = "match"
	// ShadowImpossible: the conditions of a match exclude each other, or no request can
	// have the value.
	ShadowImpossible ShadowKind = "impossible"
	// ShadowCondition: a condition always holds if the others of its match hold.
	ShadowCondition ShadowKind = "condition"
	// ShadowHost: the routes of a VirtualService get no request for one of its hosts,
	// because another VirtualService takes them.
	ShadowHost ShadowKind = "host"
	// ShadowSubset: only routes without requests have the subset as a destination.
	ShadowSubset ShadowKind = "subset"
	// ShadowLimit: a rate limit counts no request.
	ShadowLimit ShadowKind = "limit"
	// ShadowPartial: a route gets requests, but not the witness, although the route
	// that takes it is not a more specific one.
	ShadowPartial ShadowKind = "partial"
	// ShadowUndecided: it is not known whether a request reaches the part. The analysis
	// reached its bounds, which regular expressions can do.
	ShadowUndecided ShadowKind = "undecided"
)

// A Taker is a route that takes requests.
type Taker struct {
	// Name is the route as text, such as: http[0] "all". It begins with the resource, if
	// that is another one than the resource of the Shadow.
	Name string `json:"name"`
	// VirtualService is "namespace/name", for a delegate's routes that of the root.
	VirtualService string `json:"virtualService"`
	Place          Place  `json:"place,omitzero"`
}

// String returns the name with the place, such as: http[0] "all" (shop.yaml:9:5).
func (t Taker) String() string {
	if at := t.Place.String(); at != "" {
		return t.Name + " (" + at + ")"
	}
	return t.Name
}

// Warning returns the shadow as a warning.
func (s Shadow) Warning() spec.Warning {
	f := s.Place.Finding()
	f.Code, f.Problem = s.Code, s.Text
	return spec.Warning{Finding: f}
}

// String returns the shadow as a warning is printed: "file:line:col: Kind namespace/name:
// field: text [code]".
func (s Shadow) String() string { return s.Warning().String() }
