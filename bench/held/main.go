// Command held opens connections that want to be held for ever, against a server in a process
// of its own, and prints when each kind was freed, and how much memory the server had.
//
//	go run ./held
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 {
		serve(os.Args[1])
		return
	}
	for _, engine := range []string{"lateen", "nethttp"} {
		for _, k := range kinds {
			if err := run(engine, k); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// A kind is a way to hold a connection.
type kind struct {
	name  string
	count int
	head  string
	// every is sent again and again after the head.
	every string
	// reads means that the client reads what comes.
	reads bool
}

var kinds = []kind{
	{"slow bodies", 4000, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", "x", true},
	{"slow readers", 1000, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", false},
	{"unfinished heads", 300, "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 60000), "", true},
}

// serve serves until its input ends.
func serve(engine string) {
	b := gateway.New().Backend("app", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		part := make([]byte, 32<<10)
		for {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	})).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}).Server(spec.Server{Port: 80, Hosts: []string{"*"}})
	gw, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	config := server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}}
	if engine == "nethttp" {
		config.Engine = server.EngineNetHTTP
	}
	s := server.New(gw, config)
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Addr(80))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// run opens the connections of a kind, and waits at most a minute for their end.
func run(engine string, k kind) error {
	child := exec.Command(os.Args[0], engine)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	defer func() { _ = child.Wait() }()
	defer in.Close()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return err
	}
	resident := func() int { return residentKiB(child.Process.Pid) }
	before, most := resident(), 0
	var mu sync.Mutex
	var freed []time.Duration
	var running sync.WaitGroup
	for range k.count {
		conn, err := net.Dial("tcp", strings.TrimSpace(address))
		if err != nil {
			return err
		}
		running.Go(func() {
			defer conn.Close()
			begun := time.Now()
			if hold(conn, k) {
				mu.Lock()
				freed = append(freed, time.Since(begun))
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		case <-time.After(250 * time.Millisecond):
			most = max(most, resident())
		}
	}
	slices.Sort(freed)
	first, last := time.Duration(0), time.Duration(0)
	if len(freed) > 0 {
		first, last = freed[0], freed[len(freed)-1]
	}
	fmt.Printf("%-8s %-17s %4d of %4d freed, after %4.1f to %4.1f s; at most %6.1f KiB each\n", engine, k.name, len(freed), k.count,
		first.Seconds(), last.Seconds(), float64(most-before)/float64(k.count))
	return nil
}

// hold holds a connection, and reports whether the server ended it within a minute.
func hold(conn net.Conn, k kind) bool {
	end := time.Now().Add(time.Minute)
	_ = conn.SetDeadline(end)
	if _, err := io.WriteString(conn, k.head); err != nil {
		return true
	}
	ended := make(chan struct{})
	if k.reads {
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, conn)
		}()
	}
	for time.Now().Before(end) {
		select {
		case <-ended:
			return time.Now().Before(end)
		case <-time.After(time.Second):
		}
		if k.every != "" {
			_, _ = io.WriteString(conn, k.every)
		}
		if !k.reads {
			// A write fails once the server has reset the connection.
			if _, err := conn.Write([]byte("x")); err != nil {
				return true
			}
		}
	}
	return false
}

// residentKiB returns the memory of a process.
func residentKiB(pid int) (n int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n
}
