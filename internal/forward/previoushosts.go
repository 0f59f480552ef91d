package forward

import (
	"context"
	"net/http"

	"github.com/lateengo/gateway/internal/upstream"
)

// PreviousHosts keeps what the retries of one exchange need for a destination
// outside this process: which hosts were tried, so that they can be avoided, and
// how many retries its limit has admitted.
type PreviousHosts struct {
	// limits is nil if the destination has none.
	limits interface {
		AcquireRetry() bool
		ReleaseRetry()
	}
	// avoids means that tried hosts are avoided.
	avoids bool
	tried  upstream.Tried
	// owed counts the retries that were acquired and not released.
	owed int
}

// NewPreviousHosts returns the PreviousHosts of an exchange without tries.
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

// Release ends one retry, if one has begun.
func (p *PreviousHosts) Release() {
	if p.owed > 0 {
		p.owed--
		if p.limits != nil {
			p.limits.ReleaseRetry()
		}
	}
}

// End ends all retries.
func (p *PreviousHosts) End() {
	for p.owed > 0 {
		p.Release()
	}
}

// Add records the host of a try.
func (p *PreviousHosts) Add(h upstream.Host) {
	if p.avoids {
		p.tried.Add(h)
	}
}

// Avoids reports whether hosts that were tried are avoided.
func (p *PreviousHosts) Avoids() bool { return p.avoids }

// Context returns the context of the next try.
func (p *PreviousHosts) Context(parent context.Context) context.Context {
	if !p.avoids {
		return parent
	}
	return upstream.WithTried(parent, &p.tried)
}
