// Command kill measures what a killed backend costs the clients of a gateway.
//
//	cd bench && go run ./kill
//
// Clients send without pause to three backends, each a process. It prints the worst latency
// of a quiet time, and that of the time in which one of the backends is killed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "backend" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
		log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })))
	}
	rounds := flag.Int("rounds", 5, "how many backends are killed")
	clients := flag.Int("clients", 16, "how many clients send")
	flag.Parse()
	for range *rounds {
		if err := round(*clients); err != nil {
			log.Fatal(err)
		}
	}
}

func round(clients int) error {
	service := spec.Service{
		Name: "app", Namespace: "default", Hosts: []string{"app.test"}, Resolution: spec.ResolveStatic,
		Ports: []spec.ServicePort{{Number: 80, Name: "http"}},
	}
	var first *exec.Cmd
	for range 3 {
		c := exec.Command(os.Args[0], "backend")
		out, err := c.StdoutPipe()
		if err != nil {
			return err
		}
		if err := c.Start(); err != nil {
			return err
		}
		defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
		var port int
		if _, err := fmt.Fscan(out, &port); err != nil {
			return err
		}
		first = c
		service.Endpoints = append(service.Endpoints, spec.Endpoint{Address: "127.0.0.1", Ports: map[string]int{"http": port}})
	}
	gw, err := gateway.New().Service(service).Route(spec.Route{Destinations: []spec.Destination{{Host: "app.test", Port: 80}}}).Build()
	if err != nil {
		return err
	}
	defer gw.Close()
	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	if err := s.Start(); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	url := "http://" + s.Addr(80).String() + "/"
	quiet, failed := load(client, url, clients, func() {})
	killed, failedThen := load(client, url, clients, func() { _ = first.Process.Kill() })
	fmt.Printf("worst of quiet %v, with a kill %v; %d requests failed\n", quiet.Round(time.Millisecond), killed.Round(time.Millisecond), failed+failedThen)
	client.CloseIdleConnections()
	return s.Shutdown(context.Background())
}

// load sends requests for two seconds, and calls do in the middle. It returns the worst
// latency, and the number of requests that failed.
func load(client *http.Client, url string, clients int, do func()) (worst time.Duration, failed int) {
	var mu sync.Mutex
	var running sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	time.AfterFunc(time.Second, do)
	for range clients {
		running.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				response, err := client.Get(url)
				ok := err == nil && response.StatusCode == http.StatusOK
				if err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
				mu.Lock()
				worst = max(worst, time.Since(began))
				if !ok {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return worst, failed
}
