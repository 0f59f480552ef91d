package upstream

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// silent is an HTTP/2 backend that answers only settings, and pings if alive.
// It counts the pings.
func silent(conn net.Conn, alive bool, pings *atomic.Int32) {
	defer conn.Close()
	const (
		reset, settings, ping = 3, 4, 6
		ack                   = 1
	)
	if _, err := io.ReadFull(conn, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	// The pipe has no room for data that the gateway does not read yet.
	send := func(frame []byte) { go func() { _, _ = conn.Write(frame) }() }
	frame := make([]byte, 9, 1<<14)
	for {
		if _, err := io.ReadFull(conn, frame[:9]); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(frame[:4]) >> 8
		frame = frame[:9+length]
		if _, err := io.ReadFull(conn, frame[9:]); err != nil {
			return
		}
		switch kind, flags := frame[3], frame[4]; {
		case kind == reset:
			// The ping that follows asks whether this arrived.
			return
		case kind == settings && flags&ack == 0:
			// The backend's own settings, all default, and the acknowledgment
			// of the gateway's.
			send([]byte{0, 0, 0, settings, 0, 0, 0, 0, 0, 0, 0, 0, settings, ack, 0, 0, 0, 0})
		case kind == ping && flags&ack == 0:
			pings.Add(1)
			if alive {
				frame[4] = ack
				send(slices.Clone(frame))
			}
		}
	}
}

func TestPings(t *testing.T) {
	for name, row := range map[string]struct {
		interval, timeout time.Duration
		alive             bool
		lost              time.Duration
		pings             int
	}{
		"answered":       {time.Minute, 10 * time.Second, true, 0, 10},
		"not answered":   {time.Minute, 10 * time.Second, false, 70 * time.Second, 1},
		"answer by then": {time.Minute, 0, false, 75 * time.Second, 1},
		"not sent":       {0, time.Second, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var pings atomic.Int32
				u := newUpstream(t, Config{
					Name: t0, Protocol: HTTP2, Endpoints: []Endpoint{{Address: "10.0.0.1:80"}}, PingInterval: row.interval, PingTimeout: row.timeout,
					Dial: func(context.Context, string, string) (net.Conn, error) {
						gateway, backend := net.Pipe()
						context.AfterFunc(t.Context(), func() { backend.Close() })
						go silent(backend, row.alive, &pings)
						return gateway, nil
					},
				})
				began := time.Now()
				// At a moment other than the pings.
				ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Minute+time.Second, ErrTimeout)
				defer cancel()
				w := <-begin(u, get("/").WithContext(ctx))
				if row.lost > 0 {
					require.Equal(t, FlagTermination, w.failed.Flag)
					require.Equal(t, row.lost, time.Since(began))
				} else {
					require.Equal(t, FlagTimeout, w.failed.Flag)
				}
				require.EqualValues(t, row.pings, pings.Load())
				require.NoError(t, u.Close())
			})
		})
	}
}
