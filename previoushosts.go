package gateway

import (
	"context"

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

// previousHosts returns those of the exchange, of which none was tried yet.
func (x *exchange) previousHosts() previousHosts {
	var p previousHosts
	if u, ok := x.dest.backend.(*upstream.Upstream); ok {
		p.limits = u
	}
	retry := x.clause.route.retry
	p.avoids = x.dest.remote && retry.avoids(x.dest, &x.clause.route.split)
	p.tried.RemoteLocalities = retry.remoteLocalities
	return p
}

// avoids reports whether retries keep away from hosts that were tried. That is
// so unless the policy says otherwise, or the only destination is chosen by a
// hash, which would be in vain.
func (p *retryProgram) avoids(d *destination, split *splitProgram) bool {
	if p.hostsDeclared {
		return !p.sameHosts
	}
	return split.total > 0 || d.policy == nil || d.policy.hash == nil
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
