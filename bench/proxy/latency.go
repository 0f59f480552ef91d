//go:build linux

package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// holdLatency measures how long requests take that come at random times, at
// half the rate of the slowest contestant.
func (p *plan) holdLatency(t *table, field []*process) error {
	rate := t.capacity / 2
	if rate == 0 {
		n, err := p.slowest(field)
		if err != nil {
			return err
		}
		rate = n / 2
	}
	return p.holdRate(t, field, rate)
}

// fixedRate is few requests: then most of the time goes to waking up.
const fixedRate = 1000

// holdFixed measures the same for a rate that does not depend on the machine.
func (p *plan) holdFixed(t *table, field []*process) error { return p.holdRate(t, field, fixedRate) }

func (p *plan) holdRate(t *table, field []*process, rate float64) error {
	var median, tail, cost series
	err := p.eachTurn(p.turns, field, func(i int, c *process) error {
		before, err := c.usage(false)
		if err != nil {
			return err
		}
		times, err := p.atRate(c.addresses[0], rate, 2*p.turn)
		after, err2 := c.usage(false)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		slices.Sort(times)
		median.add(i, float64(times[len(times)/2])/1e3)
		tail.add(i, float64(times[len(times)*99/100])/1e3)
		cost.add(i, float64(after.CPU-before.CPU)/float64(len(times))/1e3)
		return nil
	})
	about := t.at(rate)
	t.add(about+": median time", "%.0f µs", median)
	t.add(about+": 99th percentile", "%.0f µs", tail)
	t.add(about+": processor time per request", "%.1f µs", cost)
	return err
}

// slowest returns how many requests per second the slowest contestant serves.
func (p *plan) slowest(field []*process) (float64, error) {
	var rates series
	err := p.eachTurn(2, field, func(i int, c *process) error {
		l, err := p.closedLoops(c.addresses[0])
		if err != nil {
			return err
		}
		defer l.close()
		n, err := l.run(p.turn)
		rates.add(i, float64(n)/p.turn.Seconds())
		return err
	})
	return rates.slowest(), err
}

// A caller is a connection that sends requests at a fixed rate.
type caller struct {
	*connection
	// due is when the request's time begins, in nanoseconds.
	due atomic.Int64
}

// atRate sends requests at random times, rate per second, and returns how long
// each took, in nanoseconds. If no connection was free, a request's time begins
// when it was due.
func (p *plan) atRate(address string, rate float64, d time.Duration) ([]int64, error) {
	connections, err := dialAll(address, p.connections)
	if err != nil {
		return nil, err
	}
	free := make(chan *caller, len(connections))
	times, errs := make([][]int64, len(connections)), make([]error, len(connections))
	begun := time.Now()
	var running sync.WaitGroup
	for i, c := range connections {
		one := &caller{connection: c}
		if err := one.ask(smallRequest); err != nil { // to warm it up
			closeAll(connections)
			return nil, err
		}
		free <- one
		running.Go(func() {
			for {
				if errs[i] = one.readResponse(nil); errs[i] != nil {
					return
				}
				times[i] = append(times[i], int64(time.Since(begun))-one.due.Load())
				free <- one
			}
		})
	}
	failed := dispatch(free, rate, begun, d)
	for range connections { // all are answered
		select {
		case <-free:
		case <-time.After(10 * time.Second):
			failed = errors.Join(failed, errors.New("a request has no answer"))
		}
	}
	if failed != nil {
		closeAll(connections)
		running.Wait()
		return nil, errors.Join(append(errs, failed)...)
	}
	closeAll(connections)
	running.Wait()
	return slices.Concat(times...), nil
}

// dispatch sends requests on free connections for d. It has its own thread,
// because Go's timers are up to a millisecond late.
func dispatch(free <-chan *caller, rate float64, begun time.Time, d time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	arrivals := rand.New(rand.NewPCG(1, 2)) // the same for all
	first := time.Since(begun)
	for at := first; at < first+d; at += time.Duration(arrivals.ExpFloat64() / rate * 1e9) {
		if wait := at - time.Since(begun); wait > 0 {
			pause := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&pause, nil)
		}
		due := time.Since(begun)
		var c *caller
		select {
		case c = <-free:
		default:
			due = at
			select {
			case c = <-free:
			case <-time.After(10 * time.Second):
				return errors.New("no connection is answered any more")
			}
		}
		c.due.Store(int64(due))
		if _, err := io.WriteString(c, smallRequest); err != nil {
			return err
		}
	}
	return nil
}
