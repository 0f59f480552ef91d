package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A result is what the clients have seen.
type result struct {
	Requests          int
	Lost, Mixed, Back int64
	P50, P99          time.Duration
}

// fromOutside runs the clients in a process of their own, so that their garbage is not
// collected by the process that is measured.
func fromOutside(url string, during time.Duration) (result, error) {
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	command := exec.Command(self, "-clients-of", url, "-seconds", fmt.Sprint(int(during.Seconds())))
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return result{}, fmt.Errorf("the clients failed: %w", err)
	}
	var r result
	err = json.Unmarshal(out, &r)
	return r, err
}

// runClients is the process of the clients. It prints a result.
func runClients(url string, during time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	l := new(load)
	l.run(ctx, url)
	return json.NewEncoder(os.Stdout).Encode(result{
		Requests: len(l.latencies),
		Lost:     l.lost.Load(), Mixed: l.mixed.Load(), Back: l.back.Load(),
		P50: l.percentile(0.5), P99: l.percentile(0.99),
	})
}

// A load is clients that send requests as fast as they can.
type load struct {
	lost, mixed, back atomic.Int64
	mu                sync.Mutex
	latencies         []time.Duration
}

// run sends requests until ctx ends.
func (l *load) run(ctx context.Context, url string) {
	var clients sync.WaitGroup
	for c := range 8 * runtime.GOMAXPROCS(0) {
		clients.Go(func() { l.client(ctx, url, c) })
	}
	clients.Wait()
}

func (l *load) client(ctx context.Context, url string, number int) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var own []time.Duration
	latest := ""
	for i := number; ctx.Err() == nil; i++ {
		began := time.Now()
		response, err := client.Get(fmt.Sprintf("%s/%d", url, i%routes))
		if err != nil {
			l.lost.Add(1)
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		own = append(own, time.Since(began))
		switch generation := string(body); {
		case err != nil || response.StatusCode != 200:
			l.lost.Add(1)
		case generation != response.Header.Get("X-Generation"):
			l.mixed.Add(1)
		case len(generation) < len(latest) || len(generation) == len(latest) && generation < latest:
			l.back.Add(1)
		default:
			latest = generation
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latencies = append(l.latencies, own...)
}

// percentile returns a percentile of the latencies.
func (l *load) percentile(p float64) time.Duration {
	slices.Sort(l.latencies)
	if len(l.latencies) == 0 {
		return 0
	}
	return l.latencies[int(p*float64(len(l.latencies)-1))]
}
