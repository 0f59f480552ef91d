package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A readDeadline is the read deadline of a connection. net/http sets five for
// each request, and only one read uses the last of them. Setting a deadline
// costs more than remembering it. So the connection below has any deadline that
// is not later than the wanted one, and gets another when a read reaches it.
type readDeadline struct {
	below net.Conn

	mu sync.Mutex
	// wanted is the requested deadline, and set is that of the connection
	// below. Zero is none.
	wanted, set time.Time
	// changes counts how often the deadline of the connection below was set.
	changes int
	// reading counts the reads that wait below.
	reading int
}

// want sets the deadline of reads, including those that wait.
func (d *readDeadline) want(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.reading > 0 {
		return d.apply(t)
	}
	return nil
}

// apply gives the connection below a deadline.
func (d *readDeadline) apply(t time.Time) error {
	if t.Equal(d.set) {
		return nil
	}
	d.set = t
	d.changes++
	return d.below.SetReadDeadline(t)
}

// settle sets the wanted deadline on the connection below.
func (d *readDeadline) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.apply(d.wanted)
}

// lift removes the deadline from the connection below, unless a read is active.
func (d *readDeadline) lift() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reading == 0 && d.apply(time.Time{}) == nil
}

// force sets a deadline on the connection below, regardless of wanted, while no
// read is active.
func (d *readDeadline) force(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.apply(t)
}

// read reads from the connection below.
func (d *readDeadline) read(p []byte) (int, error) {
	for {
		begun := d.begin()
		n, err := d.below.Read(p)
		if !d.end(begun, err) {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// begin makes sure that the deadline of the connection below is not later than
// wanted. It returns changes.
func (d *readDeadline) begin() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading++
	if !d.wanted.IsZero() && (d.set.IsZero() || d.wanted.Before(d.set)) {
		_ = d.apply(d.wanted)
	}
	return d.changes
}

// end reports whether a read that ended with err must be repeated, because only a
// deadline other than the wanted one has passed. If the connection below had no
// other deadline of ours, it has its own limit.
func (d *readDeadline) end(begun int, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading--
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	if d.changes == begun && d.set.Equal(d.wanted) {
		return false
	}
	return d.apply(d.wanted) == nil
}
