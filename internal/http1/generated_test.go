package http1

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A writer writes random texts that look like requests.
type writer struct {
	*rand.Rand
	// wild is how many times the usual text comes for each time that another one does.
	wild int
}

// one returns one of some texts.
func (w writer) one(texts ...string) string { return texts[w.IntN(len(texts))] }

// mostly returns the first text most of the time.
func (w writer) mostly(usual string, others ...string) string {
	if w.IntN(w.wild+1) > 0 {
		return usual
	}
	return w.one(others...)
}

func (w writer) request() string {
	var b strings.Builder
	b.WriteString(w.mostly("", "\r\n", "\r\n\r\n", "\n", " ", "\r"))
	b.WriteString(w.one("GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "get", "X-Y", "G\"T", ""))
	b.WriteString(w.mostly(" ", "  ", "\t", ""))
	b.WriteString(w.one("/", "/a/b?c=d", "/%2e%2E/%", "/a%zz", "//a", "*", "a:80", "http://b/c?d", "http://b:x/", "https://u@b", "ftp://c/", "/?", "/#a", "/a b", "", "/\x80", "/ä", "/a\x00", "/;x=1", "[::1]:80"))
	b.WriteString(w.mostly(" ", "  ", "\t", ""))
	b.WriteString(w.mostly("HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/01.1", "http/1.1", "HTTP/1.", "HTTP/11.1", ""))
	b.WriteString(w.end())
	b.WriteString(w.mostly("Host: a"+w.end(), "", "Host: a:80"+w.end(), "Host:"+w.end(), "Host: a b"+w.end(), "host : a"+w.end(), "Host: a"+w.end()+"Host: b"+w.end(), "Host: [::1]"+w.end(), "Host: a,b"+w.end()))
	for range w.IntN(4) {
		b.WriteString(w.field())
	}
	body := w.one("", "hello", "x", strings.Repeat("y", 20))
	switch w.IntN(6) {
	case 0, 1:
		b.WriteString(w.one("Content-Length", "content-length") + w.mostly(": ", ":", " : ", ":\t"))
		b.WriteString(w.mostly(strconv.Itoa(len(body)), "0", "+5", "-1", "5, 5", "5,6", "0x5", "05", "5 ", "99999999999999999999", "", "5;") + w.end())
		b.WriteString(w.end() + body)
	case 2, 3:
		b.WriteString(w.one("Transfer-Encoding", "transfer-encoding", "Transfer-encoding") + w.mostly(": ", ":", " : ", ":\v"))
		b.WriteString(w.mostly("chunked", "Chunked", "gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;a=b", "chunked,", "\"chunked\"") + w.end())
		b.WriteString(w.mostly("", "Trailer: X-T"+w.end(), "Trailer: Content-Length"+w.end(), "Content-Length: 3"+w.end()) + w.end())
		for range w.IntN(3) {
			b.WriteString(w.chunk())
		}
		b.WriteString(w.mostly("0", "00", "0;a", "", "-0", "0 ") + w.end() + w.mostly("", "X-T: 1"+w.end(), "Content-Length: 4"+w.end(), "X T: 1"+w.end()) + w.end())
	default:
		b.WriteString(w.end())
	}
	return b.String()
}

func (w writer) end() string { return w.mostly("\r\n", "\n", "\r", "\r\r\n", "\r\n ", "\n\r\n") }

func (w writer) field() string {
	return w.one("X-A", "x-a", "Connection", "Expect", "Upgrade", "Trailer", "TE", "Pragma", "Cookie", "X_A", "Content-Type", "X-\x80", "", "X A", "Keep-Alive", "Proxy-Connection") +
		w.mostly(": ", ":", " :", ":  ", "", ":\t\t") +
		w.one("1", "", "close", "keep-alive", "Close, x", "100-continue", "websocket", "no-cache", "a b\tc", "\x00", "\x80", "é", "trailers", "a,,b", "\"x\"", "X-A", "100-Continue, x", "upgrade") +
		w.mostly("", " ", "\t") + w.end()
}

func (w writer) chunk() string {
	size := w.IntN(18)
	return w.mostly(fmt.Sprintf("%x", size), fmt.Sprintf("%X", size), fmt.Sprintf("0%x", size), fmt.Sprintf("%x;a=b", size), fmt.Sprintf("%x ;a", size), fmt.Sprintf("0x%x", size), fmt.Sprintf("+%x", size), "fffffffffffffffff", fmt.Sprintf("%x ", size)) +
		w.end() + strings.Repeat("z", size) + w.end()
}

// text returns some requests one after the other, with a few bytes changed in one of three.
func (w writer) text() string {
	var b strings.Builder
	for range 1 + w.IntN(3) {
		b.WriteString(w.request())
	}
	text := []byte(b.String())
	if w.IntN(3) > 0 {
		return string(text)
	}
	const interesting = "\r\n \t:;,\x00\x7f\x80\xff0aAfF%/?#=+-\"'()@[]"
	for range 1 + w.IntN(4) {
		at := w.IntN(len(text))
		switch w.IntN(4) {
		case 0:
			text[at] = interesting[w.IntN(len(interesting))]
		case 1:
			text = append(text[:at:at], text[at+1:]...)
		case 2:
			text = append(text[:at:at], append([]byte{interesting[w.IntN(len(interesting))]}, text[at:]...)...)
		case 3:
			to := min(at+w.IntN(12), len(text))
			text = append(text[:to:to], text[at:]...)
		}
		if len(text) == 0 {
			break
		}
	}
	return string(text)
}

// net/http's server and this one read random requests alike, but for the deviations.
// LATEEN_INPUTS is how many; each has a seed of its own, from LATEEN_SEED on.
func TestRandomRequestsAreReadAlike(t *testing.T) {
	inputs, first := 3000, uint64(0)
	if text := os.Getenv("LATEEN_INPUTS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		inputs = n
	}
	if text := os.Getenv("LATEEN_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		first = n
	}
	accepted := 0
	for i := range inputs {
		w := writer{Rand: rand.New(rand.NewPCG(first+uint64(i), 1))}
		w.wild = []int{9, 50, 500}[w.IntN(3)]
		text, part := w.text(), w.IntN(20)
		require.NoError(t, compare(text, part), "seed %d: %q by %d", first+uint64(i), text, part)
		if i < 1000 {
			if read, _ := ourReading(text, 0); len(read) > 0 {
				accepted++
			}
		}
	}
	require.Greater(t, accepted, min(inputs, 1000)/20, "many texts are not refused at once")
}
