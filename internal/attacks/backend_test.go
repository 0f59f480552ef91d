package attacks

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// An arrival is a request as the backend reads it.
type arrival struct {
	method, target, host, body string
	fields, trailer            []field
	// problem is why the backend refuses it, or "".
	problem string
}

type field struct{ name, value string }

// values returns the values of a header. The name is in lower case.
func (a *arrival) values(name string) []string {
	var all []string
	for _, f := range a.fields {
		if strings.EqualFold(f.name, name) {
			all = append(all, f.value)
		}
	}
	return all
}

func (a *arrival) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%s %s %s %s", a.method, a.target, a.host, a.body), " ")
}

// A backend accepts only requests that are strictly correct, and remembers all. It parses them
// by itself: a parser that the gateway also uses would not see what it does not see.
type backend struct {
	listener net.Listener
	running  sync.WaitGroup
	mu       sync.Mutex
	arrivals []*arrival
}

func startBackend(t *testing.T) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &backend{listener: l}
	b.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.running.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * testwire.Patience))
				b.serve(conn)
			})
		}
	})
	return b
}

// stop returns what has arrived. The connections to the backend are closed before.
func (b *backend) stop() []*arrival {
	_ = b.listener.Close()
	b.running.Wait()
	return b.arrivals
}

func (b *backend) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		a := new(arrival)
		err := a.read(in, conn)
		var wrong violation
		if err != nil && !errors.As(err, &wrong) {
			return // it is not complete: nobody would act on it
		}
		a.problem = string(wrong)
		b.mu.Lock()
		b.arrivals = append(b.arrivals, a)
		b.mu.Unlock()
		if wrong != "" {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		body := a.target
		if a.method == "HEAD" {
			body = ""
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Route: %s\r\nContent-Length: %d\r\n\r\n%s", strings.Join(a.values("x-route"), ","), len(a.target), body)
	}
}

// A violation is why a request is not correct.
type violation string

func (v violation) Error() string { return string(v) }

func wrong(format string, args ...any) error { return violation(fmt.Sprintf(format, args...)) }

// readLine reads a line that ends in CRLF, and returns it without that.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", wrong("a line ends in a bare LF: %q", line)
	}
	if strings.ContainsAny(text, "\r\x00") {
		return "", wrong("a CR or a NUL in %q", line)
	}
	return text, nil
}

var (
	token    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	targets  = regexp.MustCompile(`^/[!-"$-~]*$`)
	hosts    = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)
	length   = regexp.MustCompile(`^[0-9]{1,18}$`)
	size     = regexp.MustCompile(`^[0-9a-fA-F]{1,15}$`)
	controls = regexp.MustCompile(`[\x00-\x08\x0a-\x1f\x7f]`)
)

func (a *arrival) read(in *bufio.Reader, out io.Writer) error {
	line, err := readLine(in)
	if err != nil {
		return err
	}
	words := strings.Split(line, " ")
	if len(words) != 3 || !token.MatchString(words[0]) || words[2] != "HTTP/1.1" {
		a.target = line
		return wrong("the request line is %q", line)
	}
	a.method, a.target = words[0], words[1]
	var problem error
	switch {
	case a.method == "OPTIONS" && a.target == "*":
	case a.method == "CONNECT", a.method == "TRACE", len(a.method) > 32:
		problem = wrong("the method is %q", a.method)
	case !targets.MatchString(a.target):
		problem = wrong("the target is %q", a.target)
	}
	if a.fields, err = readFields(in); err != nil {
		return err
	}
	if problem != nil {
		return problem
	}
	coded, err := a.check()
	if err != nil {
		return err
	}
	if expected := a.values("expect"); len(expected) > 0 {
		if _, err := io.WriteString(out, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	if coded {
		return a.readChunks(in)
	}
	if lengths := a.values("content-length"); len(lengths) > 0 {
		n, _ := strconv.ParseInt(lengths[0], 10, 64)
		var body strings.Builder
		if _, err := io.CopyN(&body, in, n); err != nil {
			return err
		}
		a.body = body.String()
	}
	return nil
}

// readFields reads a header or trailer with the empty line at its end.
func readFields(in *bufio.Reader) ([]field, error) {
	var all []field
	for {
		line, err := readLine(in)
		if err != nil || line == "" {
			return all, err
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || !token.MatchString(name) || controls.MatchString(value) {
			return nil, wrong("the field %q", line)
		}
		all = append(all, field{name, value})
	}
}

// check checks the header, and reports whether the body has chunks.
func (a *arrival) check() (coded bool, err error) {
	hosted, lengths, codings := a.values("host"), a.values("content-length"), a.values("transfer-encoding")
	if len(hosted) != 1 || !hosts.MatchString(hosted[0]) {
		return false, wrong("the host is %q", hosted)
	}
	a.host = hosted[0]
	if _, port, ok := strings.Cut(a.host[strings.LastIndexByte(a.host, ']')+1:], ":"); ok {
		if n, _ := strconv.Atoi(port); n > 65535 {
			return false, wrong("the port is %q", port)
		}
	}
	switch {
	case len(lengths)+len(codings) > 1, len(lengths) == 1 && !length.MatchString(lengths[0]), len(codings) == 1 && codings[0] != "chunked":
		return false, wrong("the body has the lengths %q and the codings %q", lengths, codings)
	}
	framed := len(codings) > 0 || len(lengths) > 0 && lengths[0] != "0"
	for _, value := range a.values("connection") {
		for word := range strings.SplitSeq(value, ",") {
			switch word = strings.ToLower(strings.TrimSpace(word)); word {
			case "keep-alive", "close", "upgrade", "te":
			default:
				return false, wrong("Connection still names %q", word)
			}
		}
	}
	for _, value := range a.values("upgrade") {
		if !strings.EqualFold(value, "websocket") {
			return false, wrong("an upgrade to %q", value)
		}
		if framed {
			return false, wrong("an upgrade with a body")
		}
	}
	for _, name := range []string{"http2-settings", "proxy-connection", "keep-alive"} {
		if values := a.values(name); len(values) > 0 {
			return false, wrong("%s: %q", name, values)
		}
	}
	for _, value := range a.values("te") {
		if value != "trailers" {
			return false, wrong("TE: %q", value)
		}
	}
	if expected := a.values("expect"); len(expected) > 1 || len(expected) == 1 && !strings.EqualFold(expected[0], "100-continue") {
		return false, wrong("it expects %q", expected)
	}
	return len(codings) > 0, nil
}

// readChunks reads a body in chunks, with its trailer.
func (a *arrival) readChunks(in *bufio.Reader) error {
	var body strings.Builder
	for {
		line, err := readLine(in)
		if err != nil {
			return err
		}
		if !size.MatchString(line) {
			return wrong("the size of a chunk is %q", line)
		}
		n, _ := strconv.ParseInt(line, 16, 64)
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&body, in, n); err != nil {
			return err
		}
		if line, err = readLine(in); err != nil {
			return err
		} else if line != "" {
			return wrong("a chunk goes on with %q", line)
		}
	}
	a.body = body.String()
	var err error
	if a.trailer, err = readFields(in); err != nil {
		return err
	}
	for _, f := range a.trailer {
		switch strings.ToLower(f.name) {
		case "content-length", "transfer-encoding", "host", "trailer", "connection":
			return wrong("a trailer %q", f.name)
		}
	}
	return nil
}

func TestBackendIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                                                                    "",
		"GET / HTTP/1.1\nHost: a\r\n\r\n":                                                                      "bare LF",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n":                                                         "CR or a NUL",
		"GET / HTTP/1.0\r\nHost: a\r\n\r\n":                                                                    "request line",
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n":                                                                   "request line",
		"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n":                                                            "target",
		"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n":                                                                  "target",
		"GET / HTTP/1.1\r\n\r\n":                                                                               "host",
		"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n":                                                                  "host",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n":                                                         "host",
		"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n":                                                           "field",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n":                                                        "field",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx":                                             "",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx":                                            "lengths",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n":                "lengths",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n":                                        "lengths",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n":                  "",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n":                "chunk",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n":                 "chunk",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n":                 "trailer",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a\r\n\r\n":                                                 "Connection",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n":                             "upgrade",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx": "upgrade",
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: money\r\n\r\n":                                                   "expects",
	} {
		var a arrival
		err := a.read(bufio.NewReader(strings.NewReader(text)), io.Discard)
		if want == "" {
			require.NoError(t, err, "%q", text)
			continue
		}
		require.IsType(t, violation(""), err, "%q", text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}
