package program

import (
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/upstream"
)

// A Remote is an upstream that programs share while its description stays the
// same, so that its connections survive a replacement.
type Remote struct {
	Identity string
	*upstream.Upstream
	Budget *forward.Budget
	// Direct means that the upstream's own client sends requests.
	Direct bool
	// Discovery finds the endpoints, or is nil.
	Discovery any
}
