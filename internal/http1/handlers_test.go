package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
)

// last is a request after which the connection ends.
func last(method, target, more string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n" + more
}

var get = last("GET", "/", "\r\n")

func upload(more, body string) string {
	return last("POST", "/", fmt.Sprintf("Content-Length: %d\r\n%s\r\n%s", len(body), more, body))
}

func chunks(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
	}
	return b.String() + "0\r\n"
}

// Handlers get the same answers from this server and from net/http's, byte for byte but
// for the order of the header lines.
func TestHandlersAreServedAsByNetHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.txt")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("0123456789", 5000)), 0o600))
	long := strings.Repeat("long ", 2000)
	write := func(parts ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for _, p := range parts {
				_, _ = io.WriteString(w, p)
			}
		}
	}
	with := func(key, value string, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(key, value)
			next(w, r)
		}
	}
	status := func(code int, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			next(w, r)
		}
	}
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %d %v %q %v %v", r.Method, r.RequestURI, r.Host, r.ContentLength, r.TransferEncoding, body, err, r.Trailer)
	}
	router := chi.NewRouter()
	router.Get("/items/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, chi.URLParam(r, "id")) })
	router.Post("/items", echo)
	backend := listen(t)
	engines[1].serve(t, backend, http.HandlerFunc(echo))
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: backend.Addr().String()})
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	proxy.Transport = transport

	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		text    string
	}{
		{"nothing", write(), get},
		{"nothing, twice", write(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + get},
		{"a short body", write("hello"), get},
		{"HTML", write("<html>"), get},
		{"a body in parts", write("he", "llo", ""), get},
		{"a body of the length that is held back", write(strings.Repeat("x", pendingLength)), get},
		{"a body of that length in parts", write(strings.Repeat("x", pendingLength-1), "x"), get},
		{"a long body", write(long), get},
		{"a body with its length", with("Content-Length", "5", write("hello")), get},
		{"a body with its length and type", with("Content-Type", "a/b", with("Content-Length", "5", write("hel", "lo"))), get},
		{"a body shorter than its length", with("Content-Length", "9", write("hello")), get},
		{"a body longer than its length", with("Content-Length", "3", write("he", "llo")), get},
		{"a length that is none", with("Content-Length", "-3", write("hello")), get},
		{"an empty type", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "hello")
		}, get},
		{"an encoding", with("Content-Encoding", "gzip", write("hello")), get},
		{"no Date", func(w http.ResponseWriter, r *http.Request) { w.Header()["Date"] = nil }, get},
		{"an own Date", with("Date", "today", write()), get},
		{"identity", with("Transfer-Encoding", "identity", write("hello")), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"chunked by the handler", with("Transfer-Encoding", "chunked", write("hello")), get},
		{"chunked with a length", with("Transfer-Encoding", "chunked", with("Content-Length", "5", write("hello"))), get},
		{"HEAD", write("hello"), last("HEAD", "/", "\r\n")},
		{"HEAD, long", write(long), last("HEAD", "/", "\r\n")},
		{"HEAD, nothing", write(), last("HEAD", "/", "\r\n")},
		{"HEAD, a length", with("Content-Length", "5", write()), last("HEAD", "/", "\r\n")},
		{"204", status(204, write("no")), get},
		{"204 with a length", with("Content-Length", "2", status(204, write())), get},
		{"304", with("Content-Type", "a/b", with("Content-Length", "2", status(304, write("no")))), get},
		{"404", status(404, write("none")), get},
		{"a status without a text", status(799, write("x")), get},
		{"299", status(299, write("x")), get},
		{"two statuses", status(201, status(202, write("x"))), get},
		{"a header after the status", status(201, with("X-Late", "1", write("x"))), get},
		{"a line end in a header", with("X-A", "1\r\nX-B: 2", write("x")), get},
		{"a name that is none", with("X A", "1", write("x")), get},
		{"spaces around a value", with("X-A", " 1 ", write("x")), get},
		{"close", with("Connection", "close", write("x")), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"close among others", with("Connection", "close, x-a", write("x")), get},
		{"Connection for something else", with("Connection", "x-a", write("x")), get},
		{"an early hint", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a>")
			w.WriteHeader(103)
			w.WriteHeader(102)
			w.Header().Set("X-A", "1")
			_, _ = io.WriteString(w, "x")
		}, get},
		{"flushes", func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, "data: x\n\n")
				w.(http.Flusher).Flush()
			}
		}, get},
		{"a flush before anything", func(w http.ResponseWriter, r *http.Request) {
			require.NoError(t, http.NewResponseController(w).Flush())
			_, _ = io.WriteString(w, "x")
		}, get},
		{"a flush with a length", with("Content-Length", "5", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "hello")
		}), get},
		{"trailers", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum, X-None, Content-Length")
			_, _ = io.WriteString(w, "x")
			w.Header().Set("X-Sum", "7")
			w.Header().Set("Content-Length", "1")
		}, get},
		{"trailers that were not announced", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		}, get},
		{"trailers from the beginning", with(http.TrailerPrefix+"X-Sum", "7", write("x")), get},
		{"an upload", echo, upload("", "hello")},
		{"an empty upload", echo, upload("", "")},
		{"chunks", echo, last("POST", "/", "Transfer-Encoding: chunked\r\n\r\n"+chunks("hel", "lo")+"\r\n")},
		{"chunks with trailers", echo, last("POST", "/", "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n"+chunks("hel", "lo")+"X-A: 1\r\nX-B: 2\r\n\r\n")},
		{"chunks, and another request", echo, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks("hello") + "\r\n" + get},
		{"a bad chunk", echo, last("POST", "/", "Transfer-Encoding: chunked\r\n\r\nx\r\n")},
		{"a chunk without its end", echo, last("POST", "/", "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n")},
		{"an upload that nobody reads", write("x"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get},
		{"chunks that nobody reads", write("x"), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks("hello") + "\r\n" + get},
		{"a long upload that nobody reads", write("x"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300000) + get},
		{"an upload that is closed", func(w http.ResponseWriter, r *http.Request) {
			_ = r.Body.Close()
			_, err := r.Body.Read(make([]byte, 1))
			fmt.Fprint(w, err)
		}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get},
		{"an upload read after the answer", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, long)
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%q %v", body, err)
		}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get},
		{"full duplex", func(w http.ResponseWriter, r *http.Request) {
			require.NoError(t, http.NewResponseController(w).EnableFullDuplex())
			_, _ = io.WriteString(w, long)
			w.(http.Flusher).Flush()
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%q %v", body, err)
		}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get},
		{"waiting for a 100", echo, upload("Expect: 100-continue\r\n", "hello")},
		{"waiting for a 100 that never comes", write("x"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"},
		{"waiting for a 100 without a body", echo, "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n" + get},
		{"waiting for something else", echo, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: money\r\n\r\nhello"},
		{"a 100 by the handler", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(100)
			echo(w, r)
		}, upload("Expect: 100-continue\r\n", "hello")},
		{"HTTP/1.0", echo, "GET / HTTP/1.0\r\n\r\n"},
		{"HTTP/1.0, kept", echo, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n"},
		{"HTTP/1.0, long", write(long), "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
		{"HTTP/1.0, upload", echo, "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"},
		{"MaxBytesReader", func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 3)
			_, err := io.ReadAll(r.Body)
			var over *http.MaxBytesError
			fmt.Fprint(w, errors.As(err, &over), err)
		}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello you" + get},
		{"MaxBytesReader, short enough", func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 30)
			echo(w, r)
		}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello you" + get},
		{"http.Error", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "gone", http.StatusGone) }, get},
		{"http.Redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, get},
		{"http.NotFound", http.NotFound, get},
		{"TimeoutHandler", http.TimeoutHandler(http.HandlerFunc(echo), time.Minute, "slow").ServeHTTP, upload("", "hello")},
		{"TimeoutHandler, slow", http.TimeoutHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), time.Millisecond, "slow").ServeHTTP, get},
		{"ReverseProxy", proxy.ServeHTTP, upload("", "hello")},
		{"ReverseProxy, chunks", proxy.ServeHTTP, last("POST", "/", "Transfer-Encoding: chunked\r\n\r\n"+chunks("hel", "lo")+"\r\n")},
		{"chi", router.ServeHTTP, last("GET", "/items/7", "\r\n")},
		{"chi, wrong method", router.ServeHTTP, last("POST", "/items/7", "\r\n")},
		{"a file", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Last-Modified"] = nil
			f, err := os.Open(file)
			require.NoError(t, err)
			defer f.Close()
			http.ServeContent(w, r, "file.txt", time.Time{}, f)
		}, get},
		{"a part of a file", func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "file.txt", time.Time{}, bytes.NewReader([]byte("0123456789")))
		}, last("GET", "/", "Range: bytes=2-4\r\n\r\n")},
		{"io.Copy", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, strings.NewReader(long)) }, get},
		{"io.Copy of little", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, strings.NewReader("<html>")) }, get},
		{"a form", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.FormValue("a"), r.FormValue("b")) },
			last("POST", "/?b=2", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1")},
		{"pipelined", echo, strings.Repeat("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 20) + get},
		{"hijacked", func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := w.(http.Hijacker).Hijack()
			require.NoError(t, err)
			defer conn.Close()
			line, err := rw.ReadString('\n')
			fmt.Fprintf(rw, "%q %v", line, err)
			require.NoError(t, rw.Flush())
			_, err = w.Write([]byte("x"))
			require.ErrorIs(t, err, http.ErrHijacked)
		}, "GET / HTTP/1.1\r\nHost: a\r\n\r\nhello\n"},
		{"hijacked after 101", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(101)
			conn, rw, err := http.NewResponseController(w).Hijack()
			require.NoError(t, err)
			defer conn.Close()
			line, err := rw.ReadString('\n')
			fmt.Fprintf(conn, "%q %v", line, err)
		}, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n"},
		{"aborted", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, get},
		{"aborted before anything", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, get},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got [2]string
			for i, e := range engines {
				l := listen(t)
				e.serve(t, l, tt.handler)
				got[i] = sorted(said(t, l.Addr().String(), tt.text))
			}
			require.Equal(t, got[1], got[0])
		})
	}
}

// Requests have the same contents as with net/http's server.
func TestRequestsAreReadAsByNetHTTP(t *testing.T) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: a.test\r\nB: 1\r\nA: 2\r\na: 3\r\nX-lower-UPPER: x\r\nEmpty:\r\nTab:\tx\t\r\n\r\n",
		"GET /a%20b/%2F?x=%zz&y HTTP/1.1\r\nHost: a.test:80\r\n\r\n",
		"GET /? HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET //x//y?a?b#c HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\xff\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /[x]|{y}^\" HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://b.test:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT b.test:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT b.test:443 HTTP/1.1\r\n\r\n",
		"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n",
		"M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nConnection: x, CLOSE\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: x\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTrailer: x-a, X-B\r\n\r\n" + "3;x=\"y\"\r\nabc\r\n0\r\nx-a: 1\r\nX-C: 2\r\n\r\n",
	} {
		var got [2]string
		for i, e := range engines {
			l := listen(t)
			e.serve(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				body, err := io.ReadAll(r.Body)
				u := *r.URL
				user := u.User
				u.User = nil
				fmt.Fprintf(w, "%q %q %v %v %#v %v %v %v %v %d %q %v %v %v", r.Method, r.RequestURI, r.Proto, r.ProtoMajor, u, user, r.Host, r.Header, r.Close,
					r.ContentLength, body, err, r.TransferEncoding, r.Trailer)
			}))
			got[i] = sorted(said(t, l.Addr().String(), text))
		}
		require.Equal(t, got[1], got[0])
		require.Contains(t, got[0], "HTTP/1.", text)
	}
}

// A writer that a handler has kept does no harm after the handler's end.
func TestWritersThatAreKept(t *testing.T) {
	kept := make(chan http.ResponseWriter, 1)
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello")
		select {
		case kept <- w:
		default:
		}
	})})
	conn, in := dial(t, address)
	send(t, conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	answered(t, in)
	send(t, conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	_, body := answered(t, in)
	require.Equal(t, "hello", body)
	w := <-kept
	w.WriteHeader(500)
	_, err := w.Write([]byte("late"))
	require.Error(t, err)
	require.Error(t, http.NewResponseController(w).Flush())
	send(t, conn, get)
	all, err := io.ReadAll(in)
	require.NoError(t, err)
	require.NotContains(t, string(all), "late")
	_, _ = http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), nil)
}
