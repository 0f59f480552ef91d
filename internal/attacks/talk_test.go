package attacks

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/testwire"
)

// An outcome is what became of a case.
type outcome struct {
	// statuses are those of the answers, without those to the victim. 0 means that an HTTP/2
	// stream was reset.
	statuses []int
	// answered means that the victim got an answer of the backend.
	answered bool
	// closed means that the server has ended the connection.
	closed bool
	// waited means that the server was silent for so long that the client went on.
	waited bool
	// arrivals are the requests that the backend got, and victims those of the victim.
	arrivals []*arrival
	victims  []*arrival
}

// The victim sends its request after the case over the same connection, as it happens where a
// proxy shares connections. What a case leaves behind is put before it.
const (
	victimTarget = "/victim"
	victim       = "GET /victim HTTP/1.1\r\nHost: a.test\r\nX-Victim: yes\r\nConnection: close\r\n\r\n"
)

func (o *outcome) take(arrivals []*arrival) {
	for _, a := range arrivals {
		// What was left on the connection belongs to its method: one client has sent both.
		if a.problem == "" && a.target == victimTarget && len(a.values("x-victim")) == 1 {
			o.victims = append(o.victims, a)
		} else {
			o.arrivals = append(o.arrivals, a)
		}
	}
}

// A server may be silent for this long before the client thinks that it waits for more. If
// that is too short, a case is cut off, and nothing arrives. So a case is sent again with
// more time if the client has waited.
const (
	quiet     = 2 * time.Second
	quietLast = 8 * time.Second
)

// talk sends a case over HTTP/1.1.
func talk(conn net.Conn, c *testCase, quiet time.Duration) *outcome {
	o := new(outcome)
	_ = conn.SetDeadline(time.Now().Add(testwire.Patience))
	wait := quiet
	if c.level == legal {
		wait = testwire.Patience
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(conn, c.text) // a server that refuses does not read all
	}()
	in := bufio.NewReader(conn)
	sent := false // the victim's request
	method := ""
	for n := 0; ; n++ {
		if n < max(len(c.arrivals), 1) {
			// HEAD is only used in cases with one request.
			method, _, _ = strings.Cut(c.text, " ")
		} else if !sent {
			<-written
			sent = true
			_, _ = io.WriteString(conn, victim)
			method = "GET"
		}
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		if _, err := in.Peek(1); err != nil {
			if !isTimeout(err) {
				o.closed = true
				break
			}
			// It waits for more. There is no more.
			o.waited = true
			<-written
			_ = conn.(*net.TCPConn).CloseWrite()
			sent = true
		}
		_ = conn.SetReadDeadline(time.Now().Add(testwire.Patience))
		status, body, last := answerOf(in, method)
		if status == 0 {
			o.closed = true
			break
		}
		if status == http.StatusOK && body == victimTarget {
			o.answered = true
		} else {
			o.statuses = append(o.statuses, status)
		}
		if last {
			// Whatever follows is an answer to what nobody has asked.
			sent = true
		}
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	<-written
	return o
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// answerOf reads an answer. The status is 0 if there is none.
func answerOf(in *bufio.Reader, method string) (status int, body string, last bool) {
	for {
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return 0, "", true
		}
		if response.StatusCode == http.StatusContinue {
			continue
		}
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text), response.Close
	}
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// talkHTTP2 sends a case in frames.
func talkHTTP2(conn net.Conn, c *testCase, quiet time.Duration) *outcome {
	o := new(outcome)
	_ = conn.SetDeadline(time.Now().Add(testwire.Patience))
	const victimStream = 101
	last := frame{kindHeaders, flagEndHeaders | flagEnd, victimStream, ""}
	for _, f := range []field{{":method", "GET"}, {":scheme", "http"}, {":authority", "a.test"}, {":path", victimTarget}, {"x-victim", "yes"}} {
		last.payload += string(literal(f.name, f.value))
	}
	text := append(frame{kind: kindSettings}.append([]byte(preface)), c.encoded()...)
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = conn.Write(text)
	}()
	defer func() { <-written }()
	defer conn.Close()
	waiting := map[uint32]bool{} // streams that have no answer
	for _, f := range c.frames {
		if f.kind == kindHeaders {
			waiting[f.stream] = true
		}
	}
	in := bufio.NewReader(conn)
	sent := false
	for {
		if len(waiting) == 0 && !sent {
			sent = true
			<-written
			waiting[victimStream] = true
			_, _ = conn.Write(last.append(nil))
		}
		wait := quiet
		if c.level == legal {
			wait = testwire.Patience
		}
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		var head [9]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			o.waited = o.waited || isTimeout(err)
			if isTimeout(err) && !sent {
				clear(waiting)
				continue
			}
			o.closed = o.closed || !isTimeout(err)
			return o
		}
		_ = conn.SetReadDeadline(time.Now().Add(testwire.Patience))
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(in, payload); err != nil {
			o.closed = true
			return o
		}
		stream := binary.BigEndian.Uint32(head[5:])
		switch head[3] {
		case kindSettings:
			if head[4]&flagAck == 0 {
				<-written
				_, _ = conn.Write(frame{kindSettings, flagAck, 0, ""}.append(nil))
			}
		case kindGoAway:
			if binary.BigEndian.Uint32(payload[4:]) != 0 {
				o.closed = true
				return o
			}
		case kindReset:
			if waiting[stream] && stream != victimStream {
				o.statuses = append(o.statuses, 0)
			}
			delete(waiting, stream)
		case kindHeaders:
			if status := statusOf(string(payload)); status >= 200 {
				if stream != victimStream {
					o.statuses = append(o.statuses, status)
				} else {
					o.answered = status == http.StatusOK
				}
			}
		}
		if (head[3] == kindHeaders || head[3] == kindData) && head[4]&flagEnd != 0 {
			delete(waiting, stream)
			if stream == victimStream {
				return o
			}
		}
	}
}
