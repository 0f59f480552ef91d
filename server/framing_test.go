package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/lateengo/gateway"
	"github.com/stretchr/testify/require"
)

const (
	sized     = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	chunked   = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n21 \r\ncontent-length: 1\r\n\r\nGET / HTTP/1\r\n0\r\nX: y\r\n\r\n"
	twice     = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	otherWay  = "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:chunked\nX: y\ncontent-LENGTH:5\r\n\r\n0\r\n\r\n"
	deceptive = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 63\r\n\r\nX: y\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n123456\r\n"
)

func TestFramingNoticesTwoLengths(t *testing.T) {
	tests := []struct {
		name, text string
		want       bool
	}{
		{"no body", get + get, false},
		{"a length", sized + sized, false},
		{"chunks", chunked + chunked + get, false},
		{"one after the other", sized + chunked + sized + chunked, false},
		{"both in a body", deceptive + chunked, false},
		{"empty lines between", sized + "\r\n\r\n" + chunked, false},
		{"both", twice, true},
		{"both the other way round", otherWay, true},
		{"after a length", sized + get + twice, true},
		{"after chunks", chunked + twice, true},
		{"after a deceptive body", deceptive + otherWay, true},
		{"a length that is none", strings.Replace(sized, "5", "+5", 1), true},
		{"a length beyond all measure", strings.Replace(sized, "5", "55555555555555555555", 1), true},
		{"a chunk's size that is none", strings.Replace(chunked, "21", "0x21", 1), true},
		{"no end of a chunk", strings.Replace(chunked, "hello", "hello!", 1), true},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + twice, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.text); size++ {
				f := watch{http2: true}
				for rest := []byte(tt.text); len(rest) > 0; {
					n := min(size, len(rest))
					f.scan(rest[:n])
					rest = rest[n:]
				}
				require.Equal(t, tt.want, f.state == watchBroken, "read by %d bytes", size)
			}
		})
	}
}

// Whatever is sent before it, a request with both headers is detected, and no
// other request is.
func TestFramingOfRandomRequests(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := []string{"content-length: 3\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "POST / HTTP/1.1\r\n", "0\r\n", "x", "\n"}
	body := func() string {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteString(noise[random.IntN(len(noise))])
		}
		return b.String()
	}
	for range 3000 {
		var text strings.Builder
		both := false
		for range 1 + random.IntN(6) {
			text.WriteString("PUT /" + strings.Repeat("p", random.IntN(100)) + " HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("v", random.IntN(200)) + "\r\n")
			b := body()
			switch random.IntN(9) {
			case 0, 1, 2:
				text.WriteString("\r\n")
			case 3, 4, 5:
				fmt.Fprintf(&text, "Content-Length: %d\r\n\r\n%s", len(b), b)
			case 6, 7:
				text.WriteString("Transfer-Encoding: chunked\r\n\r\n")
				if b != "" {
					fmt.Fprintf(&text, "%x\r\n%s\r\n", len(b), b)
				}
				text.WriteString("0\r\n\r\n")
			case 8:
				text.WriteString("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n")
				both = true
			}
		}
		f := watch{http2: true}
		for rest := []byte(text.String()); len(rest) > 0; {
			n := min(1+random.IntN(300), len(rest))
			f.scan(rest[:n])
			rest = rest[n:]
		}
		require.Equal(t, both, f.state == watchBroken, "%q", text.String())
		if !both {
			require.Equal(t, watchRequestLine, f.state)
		}
	}
}

func TestRequestsWithTwoLengthsAreRefused(t *testing.T) {
	ca := newAuthority(t)
	reached := 0
	b := toApp(func(w http.ResponseWriter, r *http.Request) {
		reached++
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}).Server(plain(80)).Server(secure("*", simple("a")))
	s, _ := start(t, b, local(Config{Credentials: map[string]gateway.Credential{"a": {Certificate: ca.issue("a")}}}, 80, 443))
	for _, port := range []int{80, 443} {
		for _, text := range []string{twice, otherWay} {
			reached = 0
			conn, in := dial(t, s, port)
			if port == 443 {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "a"})
				in.Reset(conn)
			}
			_, body := ask(t, conn, in, chunked)
			require.Equal(t, "hellocontent-length: 1\r\n\r\nGET / HTTP/1", body)
			response, body := ask(t, conn, in, text+sized)
			require.Equal(t, 400, response.StatusCode)
			require.Contains(t, body, "Bad Request")
			_, err := in.ReadByte()
			require.ErrorIs(t, err, io.EOF, "nothing that follows is believed")
			require.Equal(t, 1, reached)
		}
	}
}

func BenchmarkFraming(b *testing.B) {
	head := []byte("GET /products/1?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n")
	f := watch{http2: true}
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		f.scan(head)
	}
}
