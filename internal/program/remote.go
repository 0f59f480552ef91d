package program

import (
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/upstream"
)

// A Remote is an upstream that programs share as long as its description does
// not change, so that its connections outlive a replacement.
type Remote struct {
	Identity string
	*upstream.Upstream
	Budget *forward.Budget
	// Direct says that requests are sent by the upstream's own client.
	Direct bool
	// Discovery finds the endpoints, if anything does.
	Discovery any
}
