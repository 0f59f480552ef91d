//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"
)

// holdIdle measures the memory of idle connections, to clients and to backends,
// in processes that have done nothing else.
func (p *plan) holdIdle(t *table, field []*process) error {
	var clients, backends series
	for range p.idleTurns {
		for i := range field {
			err := func() error {
				behind, err := start("backend")
				if err != nil {
					return err
				}
				defer behind.stop()
				c, err := start(field[i].name, behind.addresses...)
				if err != nil {
					return err
				}
				defer c.stop()
				front, back, err := p.idleMemory(c)
				clients.add(i, front/1024)
				backends.add(i, back/1024)
				return err
			}()
			if err != nil {
				return fmt.Errorf("%s: %w", field[i].name, err)
			}
		}
	}
	t.add("memory of a client's idle connection", "%.1f KiB", clients)
	t.add("memory of an idle connection to a backend", "%.1f KiB", backends)
	return nil
}

// idleMemory returns the bytes that an idle connection to a client costs, and
// one to a backend.
func (p *plan) idleMemory(c *process) (front, back float64, err error) {
	// One-time costs occur before the measurement.
	if err := p.together(c.addresses[0], p.connections); err != nil {
		return 0, 0, err
	}
	begin, err := c.usage(true)
	if err != nil {
		return 0, 0, err
	}
	idle, err := dialAll(c.addresses[0], p.idle)
	if err != nil {
		return 0, 0, err
	}
	defer closeAll(idle)
	for _, one := range idle { // one after the other, so that they need few connections to backends
		if err := one.ask(smallRequest); err != nil {
			return 0, 0, err
		}
	}
	held, err := c.usage(true)
	if err != nil {
		return 0, 0, err
	}
	front = float64(held.Resident-begin.Resident) / float64(p.idle)

	// As many connections to backends as there are concurrent requests.
	n := p.idle/2 - p.idle/20
	closeAll(idle)
	time.Sleep(100 * time.Millisecond)
	before, err := c.usage(true)
	if err != nil {
		return 0, 0, err
	}
	if err := p.together(c.addresses[0], n); err != nil {
		return 0, 0, err
	}
	time.Sleep(100 * time.Millisecond)
	after, err := c.usage(true)
	// Some connections were there already.
	return front, float64(after.Resident-before.Resident) / float64(n-p.connections), err
}

// together sends n concurrent requests, and closes the connections.
func (p *plan) together(address string, n int) error {
	connections, err := dialAll(address, n)
	if err != nil {
		return err
	}
	defer closeAll(connections)
	request := fmt.Sprintf("GET /products/meet?n=%d HTTP/1.1\r\nHost: shop.example.com\r\n\r\n", n)
	answers := make(chan error, n)
	for _, c := range connections {
		go func() { answers <- c.ask(request) }()
	}
	for range n {
		select {
		case err = <-answers:
		case <-time.After(20 * time.Second):
			err = errors.New("a request has no answer")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
