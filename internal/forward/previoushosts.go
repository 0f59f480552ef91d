package forward

import (
	"context"
	"net/http"

	"github.com/lateengo/gateway/internal/upstream"
)

// PreviousHosts are what the retries of one exchange owe to a destination
// outside of this process: to leave the hosts that were tried alone, and to ask
// before there is one more of them.
type PreviousHosts struct {
	// limits is nil if the destination has none.
	limits interface {
		AcquireRetry() bool
		ReleaseRetry()
	}
	// avoids says that tried hosts are avoided.
	avoids bool
	tried  upstream.Tried
	// owed counts the retries that were asked for and have not ended.
	owed int
}

// NewPreviousHosts returns those of an exchange, of which none was tried yet.
func NewPreviousHosts(backend http.Handler, avoids, remoteLocalities bool) PreviousHosts {
	p := PreviousHosts{avoids: avoids}
	if u, ok := backend.(*upstream.Upstream); ok {
		p.limits = u
	}
	p.tried.RemoteLocalities = remoteLocalities
	return p
}

// Acquire asks for one more retry.
func (p *PreviousHosts) Acquire() bool {
	if p.limits != nil && !p.limits.AcquireRetry() {
		return false
	}
	p.owed++
	return true
}

// Release ends one retry, if one was begun.
func (p *PreviousHosts) Release() {
	if p.owed > 0 {
		p.owed--
		if p.limits != nil {
			p.limits.ReleaseRetry()
		}
	}
}

// End ends all of them.
func (p *PreviousHosts) End() {
	for p.owed > 0 {
		p.Release()
	}
}

// Add notes the host of a try.
func (p *PreviousHosts) Add(h upstream.Host) {
	if p.avoids {
		p.tried.Add(h)
	}
}

// Context returns the context of the next try.
func (p *PreviousHosts) Context(parent context.Context) context.Context {
	if !p.avoids {
		return parent
	}
	return upstream.WithTried(parent, &p.tried)
}
