package limit

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Global is a spec.GlobalRateLimit for the descriptors that some actions make.
type Global struct {
	Actions *Actions
	// Tree has the limits of descriptors. It is nil if the store knows them.
	Tree *descriptor.Tree
	// Memory counts if there is no store, and while it fails.
	Memory *bucket.Memory
	// Replicas is how many gateways share the limits.
	Replicas int
	// StatusOnError is the status of requests that are refused because the store
	// failed.
	StatusOnError int
}

func (g *Global) describe(domain string) string {
	return "descriptor (" + g.Actions.String() + ") in domain " + domain
}

// StatusOnError is the status of requests that are refused because the store failed.
func (p *Limit) StatusOnError() int {
	if p.Global == nil {
		return http.StatusInternalServerError
	}
	return p.Global.StatusOnError
}

// A Question is what a shared limit counts for a request.
type Question struct {
	Limit *Limit
	ratelimit.Descriptor
	// Met is the limit in the tree of a Global, or nil.
	Met *descriptor.Limit
}

// Question returns what a shared limit counts for a request, if anything.
func (p *Limit) Question(v *match.View) (Question, bool) {
	q := Question{Limit: p}
	if p.Global == nil {
		var on bool
		q.Descriptor, on = p.shortDescriptor(v)
		return q, on
	}
	entries, ok := p.Global.Actions.entries(nil, v)
	if !ok {
		return q, false
	}
	q.Entries, q.Algorithm = entries, algorithm(p.Spec.Algorithm)
	if hits := p.Global.Actions.Hits; hits > 1 {
		q.Hits = hits
	}
	if p.Global.Tree == nil {
		return q, true
	}
	found := p.Global.Tree.Match(p.Domain, entries)
	if q.Met = found.Limit; q.Met == nil {
		return q, true
	}
	q.Requests, q.Unit = int(min(q.Met.Requests, math.MaxInt32)), q.Met.Unit.Duration()
	for i, value := range found.Shared {
		if value != "" {
			q.Entries[i].Value = value
		}
	}
	return q, true
}

// Counted reports whether there is something to count: not if no limit is known, and
// none that allows all or nothing.
func (q *Question) Counted() bool {
	if q.Limit.Global == nil || q.Limit.Global.Tree == nil {
		return true
	}
	return q.Met != nil && !q.Met.Unlimited && q.Met.Requests > 0
}

// Bans reports whether the limit allows nothing.
func (q *Question) Bans() bool { return q.Met != nil && !q.Met.Unlimited && q.Met.Requests == 0 }

// Enforces reports whether the limit refuses requests.
func (q *Question) Enforces() bool {
	return q.Limit.Spec.Mode == spec.LimitEnforce && (q.Met == nil || !q.Met.Shadow)
}

// Rate returns the limit in the tree as text, or "" if the request meets none.
func (q *Question) Rate() string {
	switch {
	case q.Limit.Global == nil:
		return ""
	case q.Limit.Global.Tree == nil:
		return "what " + q.Limit.Spec.Provider + " knows"
	case q.Met == nil:
		return ""
	case q.Met.Unlimited:
		return "unlimited"
	}
	text := fmt.Sprintf("%d per %s", q.Requests, q.Unit)
	if q.Met.Name != "" {
		text += ", named " + q.Met.Name
	}
	if q.Met.Shadow {
		text += ", refuses nothing"
	}
	return text
}

// Name returns the name of the limit, or "".
func (q *Question) Name() string {
	if q.Met == nil {
		return ""
	}
	return q.Met.Name
}

// Applying removes the questions whose limits do not apply because of others: those that
// another one replaces, and those with less than the largest weight.
func Applying(questions []Question) []Question {
	weight := math.MinInt
	special := false
	for i := range questions {
		if m := questions[i].Met; m != nil {
			special = special || len(m.Replaces) > 0 || m.Weight != 0
			if !m.AlwaysApply {
				weight = max(weight, m.Weight)
			}
		}
	}
	if !special {
		return questions
	}
	all := slices.Clone(questions)
	return slices.DeleteFunc(questions, func(q Question) bool {
		return q.Met != nil && (!q.Met.AlwaysApply && q.Met.Weight < weight || replaced(all, q.Met.Name))
	})
}

// replaced reports whether the limit of a question replaces those with a name.
func replaced(questions []Question, name string) bool {
	return name != "" && slices.ContainsFunc(questions, func(q Question) bool {
		return q.Met != nil && slices.Contains(q.Met.Replaces, name)
	})
}

// Here counts in this process, because there is no store.
func (q *Question) Here() bucket.Verdict {
	return q.Limit.Global.Memory.Take(q.Limit.Domain, &q.Descriptor)
}

// Share counts this gateway's share of the limit in this process, because the store has
// failed.
func (q *Question) Share() bucket.Verdict {
	d := q.Descriptor
	if n := q.Limit.Global.Replicas; n > 1 {
		most := d.Requests
		if d.Burst > 0 {
			most = d.Burst
		}
		most = (most + n - 1) / n
		if d.Algorithm == ratelimit.AlgorithmFixedWindow {
			d.Requests = most
		} else {
			d.Burst, d.Unit = most, min(d.Unit, math.MaxInt64/time.Duration(n))*time.Duration(n)
		}
	}
	return q.Limit.Global.Memory.Take(q.Limit.Domain, &d)
}
