package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/spec"
)

// Replace builds b and replaces the gateway's configuration, at once and for all
// later requests. Requests in flight keep the old one. If Build fails, nothing
// changes and Replace returns the error of Build. Unchanged rate limits keep their
// counts, and unchanged services their connections.
//
// If the gateway has Listeners of package server, use their Replace, which opens and
// closes ports too.
func (g *Gateway) Replace(b *Builder) error {
	r, err := g.Prepare(b)
	if err != nil {
		return err
	}
	r.Commit()
	return nil
}

// Prepare builds b, without a change of the gateway. Commit of the Replacement then
// replaces the configuration as Replace does, and cannot fail. Until Commit or Discard,
// which must follow, other replacements and Close wait.
func (g *Gateway) Prepare(b *Builder) (*Replacement, error) {
	g.replacing.Lock()
	prepared := false
	// A Source of the caller may panic.
	defer func() {
		if !prepared {
			g.replacing.Unlock()
		}
	}()
	if g.closed {
		return nil, http.ErrServerClosed
	}
	before := g.program.Load()
	bg := forward.NewBackground()
	if before != nil {
		bg = before.Background
	}
	next, err := b.compile(before, bg)
	if err != nil {
		return nil, err
	}
	prepared = true
	return &Replacement{gateway: g, before: before, next: next}, nil
}

// A Replacement is the next configuration of a Gateway. Gateway.Prepare returns one.
type Replacement struct {
	gateway      *Gateway
	before, next *program.Program
	done         bool
}

// Listeners returns the ports of the next configuration, in order. Before Commit, only
// Port and Bind are those of the next configuration.
func (r *Replacement) Listeners() []*Listener { return r.gateway.listeners(r.next) }

// Servers returns what Listener.Servers will return after Commit.
func (r *Replacement) Servers(l *Listener) []spec.Server { return serversOf(l.compiled(r.next)) }

// Credentials returns what Gateway.Credentials will return after Commit.
func (r *Replacement) Credentials() map[string]Credential { return credentialsOf(r.next) }

// Commit replaces the configuration of the gateway. It does nothing after the first call
// of Commit or Discard.
func (r *Replacement) Commit() {
	if r.done {
		return
	}
	r.done = true
	defer r.gateway.replacing.Unlock()
	r.gateway.program.Store(r.next)
	if r.before != nil {
		r.before.Close(r.next)
	}
}

// Discard gives the next configuration up. It does nothing after the first call of Commit
// or Discard.
func (r *Replacement) Discard() {
	if r.done {
		return
	}
	r.done = true
	defer r.gateway.replacing.Unlock()
	r.next.Close(r.before)
}
