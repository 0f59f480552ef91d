package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// The environment tells a child that it is one, what to do, and where.
const (
	childMode    = "LATEEN_INTEROP_CHILD"
	childAddress = "LATEEN_INTEROP_ADDRESS"
)

// The modes of a child.
const (
	// childServes is an HTTP server.
	childServes = "serve"
	// childResets resets each connection once a request has begun on it.
	childResets = "reset"
)

// runChild is the main function of a backend. It prints its address, then the
// reports of its handlers, a line each, and ends with its parent.
func runChild(mode string) {
	listener, err := net.Listen("tcp", os.Getenv(childAddress))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	if mode == childServes {
		go func() { _ = childServer(listener).Serve(listener) }()
	} else {
		go resetAll(listener)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// childServer returns the server of a backend. Its name is its address.
func childServer(listener net.Listener) *http.Server {
	name := listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s\n", name, r.URL.Path)
	})
	mux.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(2 * time.Millisecond)
		fmt.Fprintf(w, "%s %s\n", name, r.URL.Path)
	})
	mux.HandleFunc("/hold", hold)
	mux.HandleFunc("/half", half)
	drops := make(chan struct{})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) { drip(w, r, drops) })
	mux.HandleFunc("/drop", func(http.ResponseWriter, *http.Request) { drops <- struct{}{} })
	mux.HandleFunc("/take", take)
	var refused atomic.Int64
	mux.HandleFunc("/unavailable", func(w http.ResponseWriter, _ *http.Request) {
		refused.Add(1)
		http.Error(w, "not now", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/refused", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, refused.Load()) })
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Handler: mux, Protocols: protocols}
}

// hold does not answer, or with ?begin=1 sends only the beginning, and reports
// when the request is canceled.
func hold(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("begin") != "" {
		fmt.Fprint(w, "beginning")
		_ = http.NewResponseController(w).Flush()
	}
	fmt.Println("held")
	// A server notices that its client is gone when it reads.
	_, err := io.Copy(io.Discard, r.Body)
	if err == nil {
		<-r.Context().Done()
	}
	fmt.Println("gone")
}

// half sends half of its body, and never the rest.
func half(w http.ResponseWriter, r *http.Request) {
	length, _ := strconv.Atoi(r.FormValue("length"))
	if r.FormValue("chunked") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	_, _ = w.Write(make([]byte, length/2))
	_ = http.NewResponseController(w).Flush()
	fmt.Println("half")
	<-r.Context().Done()
}

// drips is how many bytes drip sends.
const drips = 40

// drip waits for a drop after each byte.
func drip(w http.ResponseWriter, r *http.Request, drops <-chan struct{}) {
	for range drips {
		fmt.Fprint(w, "x")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-drops:
		case <-r.Context().Done():
			return
		}
	}
}

// take reads a body and reports whether it was complete.
func take(w http.ResponseWriter, r *http.Request) {
	fmt.Println("taking")
	n, err := io.Copy(io.Discard, r.Body)
	fmt.Println(n, err == nil)
	fmt.Fprint(w, n)
}

// resetAll resets every connection on which a request begins, and reports that.
func resetAll(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = bufio.NewReader(conn).ReadString('\n')
			fmt.Println("reset")
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}()
	}
}
