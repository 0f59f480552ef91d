package gatewaytest

import (
	"fmt"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A Result is what became of a Case.
type Result struct {
	Case Case
	// Decision is the gateway's decision about the request.
	Decision gateway.Decision
	// Differences are what was not as expected.
	Differences []Difference
	// Why are lines that explain the differences.
	Why []string
	// Problems are what is wrong with the case itself.
	Problems []*spec.Error
	// Skipped is why the case, or a part of it, was not compared. It is empty if all was.
	Skipped string
}

// A Difference is something that was not as expected.
type Difference struct {
	// Field is what differs, such as "route" or "upstream path". Want and Got are texts for
	// people.
	Field, Want, Got string
}

// String returns the difference as one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: want %s, got %s", d.Field, d.Want, d.Got)
}

// Failed reports whether something was not as expected, or the case itself is wrong.
func (r *Result) Failed() bool { return len(r.Differences) > 0 || len(r.Problems) > 0 }

// Name returns the name of the case, or its request if it has none.
func (r *Result) Name() string { return r.Case.title() }

// Place returns where the case was written, "file:line:col", or "".
func (r *Result) Place() string { return place(r.Case.Origin) }

// String returns what the case asked, what differs, and why, as lines of text. For a case
// that passed it is only the request.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "asked  %s\n", r.Case.asked())
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "wrong  %s\n", p.Error())
	}
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "%s\n  want %s\n  got  %s\n", d.Field, d.Want, d.Got)
	}
	for _, line := range r.Why {
		fmt.Fprintf(&b, "why    %s\n", line)
	}
	if r.Skipped != "" {
		fmt.Fprintf(&b, "not compared: %s\n", r.Skipped)
	}
	return b.String()
}
