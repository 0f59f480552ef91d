// Command drain counts the requests that are lost when `lateen serve` gets SIGTERM.
//
//	cd bench && go run ./drain -runs 10 -requests 100000
//
// In each run a new process serves clients that send without pause, over connections that
// stay open. It is told to end after a number of answers. A client takes another connection
// when an answer says that it is the last one, and is done when no connection is accepted.
// Any other end is a lost request.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const shop = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  http:
  - directResponse: {status: 200, body: {string: "hello"}}
`

func main() {
	log.SetFlags(0)
	runs := flag.Int("runs", 10, "how many processes are ended")
	requests := flag.Int64("requests", 10_000, "after how many answers a process is ended")
	clients := flag.Int("clients", 64, "how many clients send")
	grace := flag.Duration("grace", time.Second, "the --grace-period; with 0, requests are lost")
	flag.Parse()
	dir, err := os.MkdirTemp("", "lateen-drain")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	binary, config := filepath.Join(dir, "lateen"), filepath.Join(dir, "shop.yaml")
	build := exec.Command("go", "build", "-o", binary, "./cmd/lateen")
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(shop), 0o600); err != nil {
		log.Fatal(err)
	}
	var all int64
	for run := range *runs {
		answers, lost, err := end(binary, config, *grace, *clients, *requests)
		if err != nil {
			log.Fatal(err)
		}
		all += lost
		fmt.Printf("run %2d: %d answers, %d lost\n", run+1, answers, lost)
	}
	fmt.Printf("%d lost in %d runs\n", all, *runs)
}

// end serves until it has given a number of answers, and ends the process.
func end(binary, config string, grace time.Duration, clients int, requests int64) (answers, lost int64, err error) {
	process := exec.Command(binary, "serve", "-f", config, "--listen", "80=127.0.0.1:0", "--access-log", "off", "--grace-period", grace.String())
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := process.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = process.Process.Kill() }()
	lines := bufio.NewScanner(out)
	address := ""
	for address == "" && lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "listening 80 "); ok {
			address = rest
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var answered, failed atomic.Int64
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				err = use(conn, func() {
					if answered.Add(1) == requests {
						_ = process.Process.Signal(syscall.SIGTERM)
					}
				})
				conn.Close()
				if err != nil {
					failed.Add(1)
				}
			}
		})
	}
	running.Wait()
	if err := process.Wait(); err != nil {
		return 0, 0, err
	}
	return answered.Load(), failed.Load(), nil
}

// use sends requests over a connection until an answer says that it is the last one.
func use(conn net.Conn, answered func()) error {
	in := bufio.NewReader(conn)
	for {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"); err != nil {
			return err
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		answered()
		if response.Close {
			return nil
		}
	}
}
