//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"
)

// holdBodies measures the throughput of large bodies, in both directions, and
// their cost.
func (p *plan) holdBodies(t *table, field []*process) error {
	for _, size := range []struct {
		length  int64
		clients int
	}{{1 << 20, 8}, {p.large, 2}} {
		for _, way := range []string{"download", "upload"} {
			about := fmt.Sprintf("%d MiB, %s", size.length>>20, way)
			if err := p.holdBody(t, field, about, size.length, size.clients, way == "upload"); err != nil {
				return fmt.Errorf("%s: %w", about, err)
			}
		}
	}
	return nil
}

func (p *plan) holdBody(t *table, field []*process, about string, length int64, clients int, upload bool) error {
	var speed, cost series
	turns := max(p.turns/2+1, 2)
	err := p.eachTurn(turns, field, func(i int, c *process) error {
		connections, err := dialAll(c.addresses[0], clients)
		if err != nil {
			return err
		}
		defer closeAll(connections)
		before, err := c.usage(false)
		if err != nil {
			return err
		}
		begun := time.Now()
		n, err := inParallel(p.turn, clients, func(i int, more func() bool) (n int, err error) {
			// Each contestant sends at least one, however long it takes.
			for first := true; err == nil && (first || more()); n++ {
				first = false
				err = connections[i].transfer(length, upload)
			}
			return n, err
		})
		took := time.Since(begun)
		after, err2 := c.usage(false)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		gib := float64(n) * float64(length) / (1 << 30)
		speed.add(i, gib/took.Seconds())
		cost.add(i, float64(after.CPU-before.CPU)/1e6/gib)
		return nil
	})
	t.add(about+": GiB per second", "%.2f", speed)
	t.add(about+": processor time per GiB", "%.0f ms", cost)
	return err
}

// transfer sends or gets a body.
func (c *connection) transfer(length int64, upload bool) error {
	if len(c.buf) < len(zeros) {
		c.buf = make([]byte, len(zeros))
	}
	if !upload {
		if _, err := fmt.Fprintf(c, "GET /products/bytes?n=%d HTTP/1.1\r\nHost: shop.example.com\r\n\r\n", length); err != nil {
			return err
		}
		return c.readResponse(nil)
	}
	_, err := fmt.Fprintf(c, "POST /products/sink HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: %d\r\n\r\n", length)
	for left := length; left > 0 && err == nil; left -= int64(len(zeros)) {
		_, err = c.Write(zeros[:min(left, int64(len(zeros)))])
	}
	if err != nil {
		return fmt.Errorf("sending a body: %w", err)
	}
	return c.readResponse(nil)
}
