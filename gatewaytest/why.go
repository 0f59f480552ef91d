package gatewaytest

import (
	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/question"
)

// why explains the differences of a case.
func (t *Tester) why(c *Case, q *question.Question, d *gateway.Decision) []string { return nil }

// noteFailed takes down which conditions a request fails.
func (c *Coverage) noteFailed(gw *gateway.Gateway, q *question.Question) {}
