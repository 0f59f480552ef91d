package outage

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A wire is a TCP proxy between a gateway and its store. It counts what passes, and
// can be damaged.
type wire struct {
	t         testing.TB
	address   string
	to        string
	questions func(counted func()) questionReader

	// opened is the number of connections so far, and asked that of questions.
	opened, asked atomic.Int64

	mu       sync.Mutex
	changed  *sync.Cond
	listener net.Listener
	conns    map[net.Conn]bool
	damage   damage
	// garbage replaces the answers on a wire with damageGarbage.
	garbage string
	refused bool
	// releases is how often release was called.
	releases int
	running  sync.WaitGroup
}

// A damage is what a wire does to the answers of the store.
type damage int

const (
	// damageNone passes all.
	damageNone damage = iota
	// damageTrickle passes byte by byte.
	damageTrickle
	// damageSilent keeps all answers until the damage is repaired.
	damageSilent
	// damageLate keeps each answer until release is called.
	damageLate
	// damageCut passes the beginning of an answer and resets the connection.
	damageCut
	// damageGarbage passes a text in place of each answer.
	damageGarbage
)

// newWire returns a wire to the server of a store.
func newWire(t testing.TB, s *store) *wire {
	t.Helper()
	w := &wire{t: t, address: freeAddress(t), to: s.server.address, questions: s.questions, conns: map[net.Conn]bool{}}
	w.changed = sync.NewCond(&w.mu)
	w.accept()
	t.Cleanup(func() {
		w.refuse()
		w.repair()
		w.running.Wait()
	})
	return w
}

// accept accepts connections, at the same address each time.
func (w *wire) accept() {
	w.t.Helper()
	l, err := net.Listen("tcp", w.address)
	require.NoError(w.t, err)
	w.mu.Lock()
	w.listener, w.refused = l, false
	w.mu.Unlock()
	w.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.opened.Add(1)
			w.running.Go(func() { w.serve(conn) })
		}
	})
}

// refuse closes all connections, and refuses new ones.
func (w *wire) refuse() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = true
	_ = w.listener.Close()
	for conn := range w.conns {
		_ = conn.Close()
	}
	w.changed.Broadcast()
}

// begin begins a damage. The garbage is for damageGarbage.
func (w *wire) begin(d damage, garbage string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.damage, w.garbage = d, garbage
	w.changed.Broadcast()
}

// repair ends a damage, and passes the answers that were kept.
func (w *wire) repair() { w.begin(damageNone, "") }

// release passes the answers that damageLate keeps at present.
func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.releases++
	w.changed.Broadcast()
}

// serve connects one client with the store.
func (w *wire) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		reset(client)
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.conns[client], w.conns[server] = true, true
	refused := w.refused
	w.mu.Unlock()
	if refused {
		reset(client)
	}
	defer func() {
		w.mu.Lock()
		delete(w.conns, client)
		delete(w.conns, server)
		w.mu.Unlock()
	}()
	w.running.Go(func() {
		defer server.Close()
		read, in := w.questions(func() { w.asked.Add(1) }), bufio.NewReader(client)
		for {
			message, err := read(in)
			if err == nil {
				_, err = server.Write(message)
			}
			if err != nil {
				// The client is gone, so nobody waits for the answers.
				_ = client.Close()
				w.mu.Lock()
				delete(w.conns, client)
				w.changed.Broadcast()
				w.mu.Unlock()
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || !w.answer(client, buffer[:n]) {
			return
		}
	}
}

// answer passes an answer of the store to a client, as far as the damage lets it. It
// reports whether the connection goes on.
func (w *wire) answer(client net.Conn, b []byte) bool {
	w.mu.Lock()
	for releases := w.releases; w.conns[client] && (w.damage == damageSilent || w.damage == damageLate && w.releases == releases); {
		w.changed.Wait()
	}
	d, garbage := w.damage, w.garbage
	w.mu.Unlock()
	switch d {
	case damageGarbage:
		b = []byte(garbage)
	case damageTrickle:
		for i := range b {
			if _, err := client.Write(b[i : i+1]); err != nil {
				return false
			}
		}
		return true
	case damageCut:
		// That is less than any answer has.
		_, _ = client.Write(b[:min(len(b)/2, 10)])
		reset(client)
		return false
	}
	_, err := client.Write(b)
	return err == nil
}

// reset closes a connection like a host that does not know it.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}
