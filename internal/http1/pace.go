package http1

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/pace"
)

// A Pace demands a least speed from a client that sends a body.
type Pace struct {
	credit pace.Credit
	// answered means that the response has begun. Both sides may then send when they have
	// something to say.
	answered atomic.Bool
	// Slow means that the client was too slow.
	Slow atomic.Bool
}

// Begin begins a body.
func (p *Pace) Begin(r pace.Rate) { p.credit = pace.NewCredit(r) }

// Reset takes back Answered, for the next request.
func (p *Pace) Reset() { p.answered.Store(false) }

// Answered takes down that the response has begun.
func (p *Pace) Answered() { p.answered.Store(true) }

// WasAnswered reports whether the response has begun.
func (p *Pace) WasAnswered() bool { return p.answered.Load() }

// Read reads a part of the body, and fails with pace.ErrSlowBody if the client is too slow.
func (p *Pace) Read(d *ReadDeadline, b []byte) (int, error) {
	if p.answered.Load() {
		return d.Read(b)
	}
	begun := time.Now()
	n, err := d.ReadBy(b, begun.Add(p.credit.Left))
	waited := time.Since(begun)
	if err == nil {
		p.credit.Spend(waited, int64(n))
		return n, nil
	}
	if waited < p.credit.Left || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	if p.answered.Load() {
		return d.Read(b)
	}
	p.Slow.Store(true)
	return n, pace.ErrSlowBody
}
