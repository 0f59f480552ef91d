package upstream

import (
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// goingAwayTime is how long a WebSocket may take to end once its server wants that: for the
// end of the frame that the backend is sending, and for the client's answer.
const goingAwayTime = 2 * time.Second

// goingAway is a close frame with the status 1001 (RFC 6455, section 7.4.1).
var goingAway = []byte{0x88, 2, 1001 >> 8, 1001 & 0xff}

// A farewell passes on the frames that a backend sends to the client of a WebSocket. When
// leave is called, it puts a close frame after the frame that is on its way, between the
// fragments of a message if need be, and drops what the backend sends later. The client
// answers with a close frame of its own, which makes the backend end the connection.
type farewell struct {
	mu     sync.Mutex
	client io.Writer
	frames frames
	// leaving means that a close frame is due, and said that it was sent.
	leaving, said bool
}

func (f *farewell) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.said {
		return len(p), nil
	}
	end := 0
	for end < len(p) {
		end += f.frames.advance(p[end:])
		if f.leaving && f.frames.between() {
			break
		}
	}
	if _, err := f.client.Write(p[:end]); err != nil {
		return 0, err
	}
	return len(p), f.say()
}

// leave sends the close frame, now or after the present frame.
func (f *farewell) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = true
	_ = f.say()
}

// say sends the close frame if it is due and may be sent. The backend may have sent its own.
func (f *farewell) say() error {
	if !f.leaving || f.said || f.frames.closes || !f.frames.between() {
		return nil
	}
	f.said = true
	_, err := f.client.Write(goingAway)
	return err
}

// frames follows a stream of WebSocket frames, to know where each of them ends.
type frames struct {
	// head is the beginning of the head that is being read, and left what remains of the
	// payload after it.
	head [14]byte
	have int
	left uint64
	// closes means that a close frame has come.
	closes bool
}

// between reports whether the stream is between two frames.
func (f *frames) between() bool { return f.have == 0 && f.left == 0 }

const opcodeClose = 8

// advance follows p up to the end of the present frame, and returns how much that is.
func (f *frames) advance(p []byte) int {
	n := 0
	for n < len(p) && f.left == 0 {
		f.head[f.have] = p[n]
		f.have++
		n++
		if f.have < 2 || f.have < headLength(f.head[1]) {
			continue
		}
		switch short := f.head[1] & 0x7f; short {
		case 126:
			f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
		case 127:
			f.left = binary.BigEndian.Uint64(f.head[2:])
		default:
			f.left = uint64(short)
		}
		f.have = 0
		f.closes = f.closes || f.head[0]&0x0f == opcodeClose
		if f.left == 0 {
			return n
		}
	}
	m := min(uint64(len(p)-n), f.left)
	f.left -= m
	return n + int(m)
}

// headLength returns the length of a frame's head with this second byte.
func headLength(second byte) int {
	n := 2
	switch second & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if second&0x80 != 0 {
		n += 4 // the mask
	}
	return n
}
