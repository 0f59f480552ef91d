package gateway

import (
	"context"
	"net/http"

	"github.com/lateengo/gateway/internal/upstream"
)

// previousHosts are what the retries of one exchange owe to a destination
// outside of this process: to leave the hosts that were tried alone, and to ask
// before there is one more of them.
type previousHosts struct {
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

// newPreviousHosts returns those of an exchange, of which none was tried yet.
func newPreviousHosts(backend http.Handler, avoids, remoteLocalities bool) previousHosts {
	p := previousHosts{avoids: avoids}
	if u, ok := backend.(*upstream.Upstream); ok {
		p.limits = u
	}
	p.tried.RemoteLocalities = remoteLocalities
	return p
}

// acquire asks for one more retry.
func (p *previousHosts) acquire() bool {
	if p.limits != nil && !p.limits.AcquireRetry() {
		return false
	}
	p.owed++
	return true
}

// release ends one retry, if one was begun.
func (p *previousHosts) release() {
	if p.owed > 0 {
		p.owed--
		if p.limits != nil {
			p.limits.ReleaseRetry()
		}
	}
}

// end ends all of them.
func (p *previousHosts) end() {
	for p.owed > 0 {
		p.release()
	}
}

// add notes the host of a try.
func (p *previousHosts) add(h upstream.Host) {
	if p.avoids {
		p.tried.Add(h)
	}
}

// context returns the context of the next try.
func (p *previousHosts) context(parent context.Context) context.Context {
	if !p.avoids {
		return parent
	}
	return upstream.WithTried(parent, &p.tried)
}
