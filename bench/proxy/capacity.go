//go:build linux

package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// holdHTTP1 measures the maximum rate of small requests of a contestant, and
// the cost of one request.
func (p *plan) holdHTTP1(t *table, field []*process) error {
	return p.holdCapacity(t, field, "HTTP/1.1", p.closedLoops)
}

// holdHTTP1Lean is holdHTTP1 with backends that use almost nothing of the
// machine.
func (p *plan) holdHTTP1Lean(t *table, field []*process) error {
	return p.holdCapacity(t, field, "HTTP/1.1, lean backend", p.closedLoops)
}

// holdHTTP2 is holdHTTP1Lean with HTTP/2 clients.
func (p *plan) holdHTTP2(t *table, field []*process) error {
	return p.holdCapacity(t, field, "HTTP/2 in front, lean backend", p.closedLoopsHTTP2)
}

// holdHTTP1Core is holdHTTP1Lean with a separate processor for the contestant.
func (p *plan) holdHTTP1Core(t *table, field []*process) error {
	return p.holdCapacity(t, field, "HTTP/1.1, one processor of its own, lean backend", p.closedLoops)
}

// A loops is the clients of one contestant. run makes them send requests for a
// while and returns how many were answered.
type loops struct {
	run   func(d time.Duration) (int, error)
	close func()
}

func (p *plan) holdCapacity(t *table, field []*process, about string, open func(address string) (*loops, error)) error {
	rates, costs, allocated, err := p.measureCapacity(field, open)
	if err != nil {
		return err
	}
	t.add(about+": requests per second", "%.0f", rates)
	t.add(about+": processor time per request", "%.1f µs", costs)
	t.add(about+": allocated per request", "%.0f B", allocated)
	t.compareOwn(about, costs)
	if about == "HTTP/1.1" {
		t.capacity = rates.slowest()
	}
	return nil
}

func (p *plan) measureCapacity(field []*process, open func(address string) (*loops, error)) (rates, costs, allocated series, err error) {
	for _, c := range field {
		l, err := open(c.addresses[0])
		if err != nil {
			return nil, nil, nil, err
		}
		defer l.close()
		c.loops = l
		if _, err := l.run(p.turn / 2); err != nil { // to warm it up
			return nil, nil, nil, err
		}
	}
	err = p.eachTurn(p.turns, field, func(i int, c *process) error {
		before, err := c.usage(false)
		if err != nil {
			return err
		}
		begun := time.Now()
		n, err := c.loops.run(p.turn)
		took := time.Since(begun)
		after, err2 := c.usage(false)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		rates.add(i, float64(n)/took.Seconds())
		costs.add(i, float64(after.CPU-before.CPU)/float64(n)/1e3)
		allocated.add(i, float64(after.Allocated-before.Allocated)/float64(n))
		return nil
	})
	return rates, costs, allocated, err
}

// closedLoops opens connections that send a new request after each answer.
func (p *plan) closedLoops(address string) (*loops, error) {
	l, err := newEpollLoop(address, p.connections)
	if err != nil {
		return nil, err
	}
	return &loops{l.run, l.close}, nil
}

// closedLoopsHTTP2 is closedLoops with the same number of concurrent requests
// over HTTP/2.
func (p *plan) closedLoopsHTTP2(address string) (*loops, error) {
	var connections []*h2Connection
	l := &loops{close: func() {
		for _, c := range connections {
			c.Close()
		}
	}}
	for range max(p.connections/streams, 1) {
		c, err := dialHTTP2(address)
		if err != nil {
			l.close()
			return nil, err
		}
		connections = append(connections, c)
	}
	l.run = func(d time.Duration) (int, error) {
		return inParallel(d, len(connections), func(i int, more func() bool) (int, error) { return connections[i].exchange(more) })
	}
	return l, nil
}

// inParallel runs n clients, which continue while more returns true: for d. It
// returns the sum of their results.
func inParallel(d time.Duration, n int, client func(i int, more func() bool) (int, error)) (int, error) {
	var over atomic.Bool
	defer time.AfterFunc(d, func() { over.Store(true) }).Stop()
	more := func() bool { return !over.Load() }
	var running sync.WaitGroup
	counts, errs := make([]int, n), make([]error, n)
	for i := range n {
		running.Go(func() { counts[i], errs[i] = client(i, more) })
	}
	running.Wait()
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum, errors.Join(errs...)
}
