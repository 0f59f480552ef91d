//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// smallBody is the body of an ordinary response.
const smallBody = "here is product 1\n"

// serveBackends serves two backends, v1 and v2, and returns their addresses.
func serveBackends(serve func(l net.Listener, name string) error) ([]string, error) {
	var addresses []string
	for _, name := range []string{"v1", "v2"} {
		address, err := listen(func(l net.Listener) error { return serve(l, name) })
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// backend returns the handler of a backend.
func backend(name string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/1", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, smallBody) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { echo(w, r, name) })
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		for n > 0 {
			k, err := w.Write(zeros[:min(n, int64(len(zeros)))])
			if err != nil {
				return
			}
			n -= int64(k)
		}
	})
	mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, n)
	})
	mux.HandleFunc("/meet", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		meeting.join(n)
		_, _ = io.WriteString(w, smallBody)
	})
	return mux
}

var zeros = make([]byte, 256<<10)

// echo describes the request that it got.
func echo(w http.ResponseWriter, r *http.Request, name string) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Backend", name)
	fmt.Fprintf(w, "%s %s Host=%s Proto=%q For=%q Color=%q Body=%q\n", r.Method, r.URL.RequestURI(), r.Host,
		r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-For"], r.Header["X-Color"], body)
}

// meeting makes requests to both backends wait for each other.
var meeting rendezvous

// A rendezvous makes callers wait until enough have come.
type rendezvous struct {
	mu      sync.Mutex
	waiting int
	over    chan struct{}
}

// join returns when n have joined.
func (m *rendezvous) join(n int) {
	m.mu.Lock()
	if m.waiting == 0 {
		m.over = make(chan struct{})
	}
	over := m.over
	if m.waiting++; m.waiting == n {
		m.waiting = 0
		close(over)
	}
	m.mu.Unlock()
	<-over
}

// leanResponse is the answer of a net/http server to /1.
var leanResponse = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: %d\r\n"+
	"Content-Type: text/plain; charset=utf-8\r\n\r\n%s", len(smallBody), smallBody)

// serveLean answers every request without a body in the same way, at the lowest
// cost.
func serveLean(l net.Listener, _ string) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			buf := make([]byte, 4<<10)
			for n := 0; ; {
				k, err := conn.Read(buf[n:])
				if err != nil {
					return
				}
				if n += k; !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
					continue
				}
				n = 0
				if _, err := conn.Write(leanResponse); err != nil {
					return
				}
			}
		}()
	}
}
