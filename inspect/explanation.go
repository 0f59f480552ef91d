package inspect

import (
	"encoding/json"
	"strconv"

	"github.com/lateengo/gateway/spec"
)

// An Explanation says what a gateway would do with a request, and why: how the virtual
// host was found, which routes were tried and why they failed, what the route does step by
// step, and, if there is no route, what is close. gateway.Gateway.Explain returns it. To
// explain does not serve the request: nothing is random, counted or sent.
type Explanation struct {
	// Method, Scheme, Host and Target are those of the request. Scheme is "http" or
	// "https", and Target is the path with the query as it was sent.
	Method string `json:"method"`
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
	Target string `json:"target"`

	// Decision is the answer.
	Decision Decision `json:"decision"`
	// Routing has the steps to the virtual host: the listener, the virtual host and the
	// path.
	Routing []Step `json:"routing"`
	// Candidates are routes of the virtual host in the order in which they are tried,
	// up to the one that takes the request. Routes that cannot match the path are left
	// out if there are many routes.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Routes is the number of routes in the virtual host, and Untold the number of
	// candidates that are not in Candidates because there were too many.
	Routes int `json:"routes,omitempty"`
	Untold int `json:"untold,omitempty"`
	// Steps are what the route does with every request, in order.
	Steps []Step `json:"steps,omitempty"`
	// Destinations are the steps for each of Decision.Destinations, in their order.
	Destinations []DestinationSteps `json:"destinations,omitempty"`
	// Hints say what is close to a request without a route, the nearest first.
	Hints []Hint `json:"hints,omitempty"`
	// Warnings are those of the configuration that concern the request. JSON has their
	// text.
	Warnings []spec.Warning `json:"-"`
}

// A Step is one thing that happens to a request.
type Step struct {
	// Kind is the kind of the step, such as "listener", "virtual host", "path",
	// "fault", "cors", "rate limit", "redirect", "respond", "timeout", "retries",
	// "rewrite", "mirror", "request", "response", "host", "policy" or "missing".
	// "request" and "response" are operations on their headers.
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Place is where the field was declared that says so. It is unknown for what
	// nothing declares.
	Place Place `json:"place,omitzero"`
}

// DestinationSteps are the steps of the requests that go to one destination.
type DestinationSteps struct {
	Cluster string `json:"cluster"`
	// Share is the share of requests as text: "all", or "90/100".
	Share string `json:"share"`
	Place Place  `json:"place,omitzero"`
	Steps []Step `json:"steps,omitempty"`
}

// A CandidateResult says what became of a candidate.
type CandidateResult string

// The results of candidates.
const (
	// CandidateFailed: a condition of the route does not hold.
	CandidateFailed CandidateResult = "failed"
	// CandidateTaken: it is the route of the request.
	CandidateTaken CandidateResult = "taken"
	// CandidateLater: it would take the request if no route before it did.
	CandidateLater CandidateResult = "later"
)

// A Candidate is a route that may take a request.
type Candidate struct {
	// Index, Name, VirtualService, Delegate, Place and Conditions are those of the
	// Route in the Table.
	Index          int             `json:"index"`
	Name           string          `json:"name,omitempty"`
	VirtualService string          `json:"virtualService"`
	Delegate       string          `json:"delegate,omitempty"`
	Place          Place           `json:"place,omitzero"`
	Conditions     []Condition     `json:"conditions"`
	Result         CandidateResult `json:"result"`
	// Failed is the first condition that does not hold, or nil.
	Failed *Failure `json:"failed,omitempty"`
}

// Label returns the VirtualService and the name of the route.
func (c *Candidate) Label() string {
	return (&Route{VirtualService: c.VirtualService, Name: c.Name}).Label()
}

// A Failure is a condition that does not hold for a request.
type Failure struct {
	Condition Condition `json:"condition"`
	// Had is the value of the request. Present is false if it has none.
	Had     string `json:"had"`
	Present bool   `json:"present"`
	// Only means that all other conditions of the route hold.
	Only bool `json:"only,omitempty"`
}

// A HintKind says in what a near miss differs.
type HintKind string

// The kinds of Hints.
const (
	// HintHost: another host is close, or the request's is served elsewhere.
	HintHost HintKind = "host"
	// HintListener: another port, or TLS, would serve the request.
	HintListener HintKind = "listener"
	// HintVirtualHost: a less specific virtual host has a route. It is not asked.
	HintVirtualHost HintKind = "virtualHost"
	// HintPath: a path that is close has a route.
	HintPath HintKind = "path"
	// HintCondition: a route lacks one condition other than the path.
	HintCondition HintKind = "condition"
)

// A Hint is something close to a request without a route.
type Hint struct {
	Kind HintKind `json:"kind"`
	Text string   `json:"text"`
	// Place is what the text is about, such as the condition that failed.
	Place Place `json:"place,omitzero"`
}

// MarshalJSON writes warnings as text.
func (e Explanation) MarshalJSON() ([]byte, error) {
	type plain Explanation
	var warnings []string
	for _, w := range e.Warnings {
		warnings = append(warnings, w.String())
	}
	return json.Marshal(struct {
		plain
		Warnings []string `json:"warnings,omitempty"`
	}{plain(e), warnings})
}

// String returns the failure as text, such as: header x-user exact "7"; the request has "8".
func (f *Failure) String() string {
	text := f.Condition.Text + "; the request has "
	switch {
	case f.Present && f.Condition.Source == "path":
		return text + f.Had
	case f.Present:
		return text + strconv.Quote(f.Had)
	case f.Condition.Negated:
		return text + "none, which counts as empty"
	}
	return text + "none"
}
