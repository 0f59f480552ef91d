package http1

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/doubt"
)

// A seen is a request as a handler sees it.
type seen struct {
	line, host, header, body, trailer string
	broken                            bool
}

// A recorder answers requests, and remembers them.
type recorder struct {
	mu  sync.Mutex
	all []seen
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s := seen{
		fmt.Sprintf("%s %s %s %v %q %d %v %v", r.Method, r.RequestURI, r.Proto, r.Close, r.URL, r.ContentLength, r.TransferEncoding, r.URL.ForceQuery),
		r.Host, fmt.Sprint(r.Header), string(body), fmt.Sprint(r.Trailer), err != nil,
	}
	rec.mu.Lock()
	rec.all = append(rec.all, s)
	rec.mu.Unlock()
	w.Header().Set("X-Seen", "yes")
	switch r.Method {
	case "DELETE":
		w.WriteHeader(http.StatusNoContent)
	case "PUT":
		_, _ = w.Write(body)
		_ = http.NewResponseController(w).Flush()
	default:
		_, _ = w.Write(body)
	}
}

// An answer is a response as a client reads it.
type answer struct {
	status       int
	header, body string
	closes       bool
}

// answers reads responses to requests with these methods, and to those that no handler
// saw.
func answers(text string, requests []seen) []answer {
	in := bufio.NewReader(strings.NewReader(text))
	var all []answer
	for i := 0; ; i++ {
		method := "GET"
		if i < len(requests) {
			method, _, _ = strings.Cut(requests[i].line, " ")
		}
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return all
		}
		if response.StatusCode == http.StatusContinue {
			i--
			continue
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return append(all, answer{status: response.StatusCode})
		}
		response.Header.Del("Date")
		all = append(all, answer{response.StatusCode, fmt.Sprint(response.Header, response.TransferEncoding, response.ContentLength), string(body), response.Close})
	}
}

// ourReading is what this package's server makes of a text that comes in parts.
func ourReading(text string, part int) ([]seen, []answer) {
	conn, rec := newScript(text, part), new(recorder)
	s := &Server{Handler: rec}
	s.Serve(conn, nil)
	<-conn.closed
	return rec.all, answers(conn.out.String(), rec.all)
}

// theirReading is what net/http's server makes of it.
func theirReading(text string, part int) ([]seen, []answer) {
	conn, rec := newScript(text, part), new(recorder)
	l := &single{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conns <- conn
	s := &http.Server{Handler: rec, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), DisableGeneralOptionsHandler: true}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	<-conn.closed
	_ = s.Close()
	<-served
	return rec.all, answers(conn.out.String(), rec.all)
}

// deviations are the requests that net/http accepts and this server refuses. A row of
// docs/semantics.md corresponds to each.
var deviations = []struct {
	name string
	// text is an example.
	text string
	// found finds what may be one in a text.
	found func(text string) bool
}{
	{"a line that ends in a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", matches(`(^|[^\r])\n`)},
	{"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", matches(`\n[ \t]`)},
	{"a length beside chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		matches(`(?is)Content-Length.*Transfer-Encoding|Transfer-Encoding.*Content-Length`)},
	{"a length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", matches(`(?is)Content-Length.*Content-Length`)},
	{"a length of more than 18 digits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000000000000001\r\n\r\nx", matches(`\d{19}`)},
	{"a transfer coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", matches(`(?is)HTTP/1\.0.*Transfer-Encoding`)},
	{"an HTTP/2 request without its preface", "PRI * HTTP/2.0\r\n\r\n", matches(`HTTP/2\.0`)},
	{"a control character in a chunk's extension", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\x01\r\nx\r\n0\r\n\r\n",
		matches(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]`)},
	{"a trailer whose name is no token", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX T: 1\r\n\r\n", matches(`\r\n0[^\r\n]*\r\n([^\r\n]+\r\n)*[^\r\n:]*[^-!#$%&'*+.^_|~0-9A-Za-z\r\n:][^\r\n:]*:`)},
	{"a chunk size of 16 digits", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000001\r\nx\r\n0\r\n\r\n", matches(`[0-9a-fA-F]{16}`)},
	{"a host that is none, or has a port that is none", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", hostIsDoubtful},
	{"a host with a user, or with an escape", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", hostIsDoubtful},
	{"an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", hostIsDoubtful},
	{"a target with another scheme than http and https", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", hostIsDoubtful},
}

var (
	hostLines = regexp.MustCompile(`(?im)^Host:[ \t]*(.*?)[ \t]*\r?$`)
	schemes   = regexp.MustCompile(`(?m)^[^ \n]* ([^/ \n][^ \n]*) HTTP/`)
)

// connectsToPath finds a CONNECT whose target is no authority. net/http needs no Host header there.
var connectsToPath = matches(`CONNECT [^A-Za-z0-9[]`)

// hostIsDoubtful reports whether the host of a request in a text may be refused.
func hostIsDoubtful(text string) bool {
	if connectsToPath(text) {
		return true
	}
	for _, line := range hostLines.FindAllStringSubmatch(text, -1) {
		if !doubt.IsAuthority(line[1]) {
			return true
		}
	}
	for _, target := range schemes.FindAllStringSubmatch(text, -1) {
		if u, err := url.Parse(target[1]); err != nil || u.User != nil || !doubt.IsAuthority(u.Host) || u.Scheme != "http" && u.Scheme != "https" {
			return true
		}
	}
	return false
}

func matches(expression string) func(string) bool {
	return regexp.MustCompile(expression).MatchString
}

func TestDeviations(t *testing.T) {
	for _, d := range deviations {
		t.Run(d.name, func(t *testing.T) {
			require.True(t, d.found(d.text))
			theirs, _ := theirReading(d.text, 0)
			require.Len(t, theirs, 1)
			require.False(t, theirs[0].broken)
			ours, answers := ourReading(d.text, 0)
			if len(ours) > 0 {
				require.True(t, ours[0].broken)
				return
			}
			require.Len(t, answers, 1)
			require.GreaterOrEqual(t, answers[0].status, 400)
			require.True(t, answers[0].closes)
		})
	}
}

// The documentation lists each deviation.
func TestDeviationsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/semantics.md")
	require.NoError(t, err)
	for _, d := range deviations {
		require.Contains(t, string(text), "| "+d.name+" |")
	}
}

// compare returns how the readings of a text differ.
func compare(text string, part int) error {
	ours, ourAnswers := ourReading(text, part)
	theirs, theirAnswers := theirReading(text, part)
	for i, o := range ours {
		if o.broken {
			// Everybody refuses the body, or it is a deviation.
			if i < len(theirs) && !theirs[i].broken && !deviates(text) {
				return fmt.Errorf("net/http reads %+v, we fail", theirs[i])
			}
			return nil
		}
		if i >= len(theirs) {
			if lenient(text) {
				return nil
			}
			return fmt.Errorf("we read %+v, net/http nothing", o)
		}
		if o != theirs[i] {
			return fmt.Errorf("we read %+v, net/http %+v", o, theirs[i])
		}
		if words(text) {
			return nil
		}
		if i < len(ourAnswers) != (i < len(theirAnswers)) || i < len(ourAnswers) && ourAnswers[i] != theirAnswers[i] {
			return fmt.Errorf("we answer %+v, net/http %+v", ourAnswers[min(i, len(ourAnswers)):], theirAnswers[min(i, len(theirAnswers)):])
		}
	}
	if len(theirs) > len(ours) && !deviates(text) && !loneCR(text) && !words(text) {
		return fmt.Errorf("net/http reads %+v, we answer %+v", theirs[len(ours)], ourAnswers)
	}
	return nil
}

func deviates(text string) bool {
	for _, d := range deviations {
		if d.found(text) {
			return true
		}
	}
	return false
}

// lenient reports whether a text may have empty lines before a request, which RFC 9112
// tells servers to ignore; net/http does so only after a POST.
var lenient = matches(`(^|\n)\r\n`)

// loneCR reports whether a CR may stand alone before a request: net/http ignores it there
// after a POST.
var loneCR = matches(`\r[^\n]`)

// words reports whether a Connection or Expect header may have words that are not in a list
// with commas. net/http finds its words there too.
var words = matches(`(?i)\n(Connection|Expect):[ \t]*([^\r\n]*[^, \t\r\n][ \t]+[^ \t\r\n]|[^\r\n]*[^-\w, \t][ck1])`)

var seeds = []string{
	get, upload("", "hello"), upload("Expect: 100-continue\r\n", "hello"),
	last("PUT", "/x?y", "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n"+chunks("hel", "lo")+"X-A: 1\r\nX-B: 2\r\n\r\n"),
	"DELETE / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: b:80\r\nContent-Length: 3\r\n\r\nabcGET http://c/d HTTP/1.1\r\nHost: c\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 ;a=\"b;c\"\r\nhello\r\n00\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
	"GET /%2e/\xff HTTP/1.1\r\nHost: a\r\nX:\xff\r\nPragma: no-cache\r\nConnection: a, Close\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
	"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "GET / HTTP/3.1\r\nHost: a\r\n\r\n", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
	"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
	"GET /% HTTP/1.1\r\nHost: a\r\n\r\n", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
}

func TestSeedsAreReadAlike(t *testing.T) {
	for _, text := range seeds {
		for _, part := range []int{0, 1, 7} {
			require.NoError(t, compare(text, part), "%q by %d", text, part)
		}
	}
}

// FuzzRequests checks that net/http's server reads the same requests, and that clients
// get the same answers, but for the deviations.
func FuzzRequests(f *testing.F) {
	for _, text := range seeds {
		f.Add(text, uint8(0))
		f.Add(text, uint8(3))
	}
	for _, d := range deviations {
		f.Add(d.text, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, part uint8) {
		if len(text) > 64<<10 {
			t.Skip()
		}
		if err := compare(text, int(part)); err != nil {
			t.Fatal(err)
		}
	})
}
