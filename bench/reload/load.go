package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

const routes = 1000

// generation is a configuration whose answers say twice which one it is.
func generation(n int) string {
	var b strings.Builder
	b.WriteString("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: many}\nspec:\n  hosts: ['*']\n  http:\n")
	for i := range routes {
		fmt.Fprintf(&b, "  - match: [{uri: {exact: /%d}}]\n    headers: {response: {set: {x-generation: '%d'}}}\n    directResponse: {status: 200, body: {string: '%d'}}\n", i, n, n)
	}
	return b.String()
}

// declared is the same as generation.
func declared(n int) spec.Declarations {
	vs := spec.VirtualService{Name: "many", Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: make([]spec.Route, 0, routes)}
	for i := range routes {
		vs.Routes = append(vs.Routes, spec.Route{
			Match:          []spec.Match{{URI: spec.Exact(fmt.Sprintf("/%d", i))}},
			Headers:        spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"x-generation": fmt.Sprint(n)}}},
			DirectResponse: &spec.DirectResponse{Status: 200, Body: fmt.Append(nil, n)},
		})
	}
	return spec.Declarations{VirtualServices: []spec.VirtualService{vs}}
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

// underLoad measures replacements while there is load.
func underLoad(during time.Duration) error {
	directory, err := scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "many.yaml")
	put := func(n int) error {
		beside := filepath.Join(directory, ".new")
		if err := os.WriteFile(beside, []byte(generation(n)), 0o600); err != nil {
			return err
		}
		return os.Rename(beside, path)
	}
	if err := put(1); err != nil {
		return err
	}
	c, err := live.Open(&live.Files{Source: istio.Files(directory).Remember(new(istio.Memory)), Paths: []string{directory}}, gateway.New, live.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	s := server.New(c.Gateway(), server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	if err := s.Start(); err != nil {
		return err
	}
	defer s.Shutdown(context.Background())
	c.ReplaceWith(s.Replace)
	url := "http://" + s.Addr(80).String()
	latest := 1

	measure := func(replace func(n int) error) (*load, float64, int, int) {
		l := new(load)
		ctx, cancel := context.WithTimeout(context.Background(), during)
		defer cancel()
		replacements := 0
		var replacing sync.WaitGroup
		if replace != nil {
			replacing.Go(func() {
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for ctx.Err() == nil {
					<-tick.C
					latest++
					if replace(latest) == nil {
						replacements++
					}
				}
			})
		}
		l.run(ctx, url)
		replacing.Wait()
		time.Sleep(2 * time.Second)
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return l, float64(m.HeapAlloc) / (1 << 20), runtime.NumGoroutine(), replacements
	}
	measure(nil) // to warm up
	fmt.Printf("%d routes, %d clients, %v each\n", routes, 8*runtime.GOMAXPROCS(0), during)
	fmt.Printf("%-28s %10s %10s %10s %6s %6s %6s %6s %10s %6s\n", "", "requests/s", "p50", "p99", "x", "lost", "mixed", "older", "replaced/s", "heap x")
	var quiet time.Duration
	var heap float64
	for _, row := range []struct {
		name    string
		replace func(n int) error
	}{
		{"no replacements", nil},
		{"100 Replace a second", func(n int) error { return s.Replace(gateway.New().Load(declared(n))) }},
		{"100 renames a second", put},
	} {
		before := c.Status().Generation
		l, heapAfter, goroutines, replacements := measure(row.replace)
		if n := int(c.Status().Generation - before); n > 0 {
			replacements = n
		}
		p99 := l.percentile(0.99)
		if quiet == 0 {
			quiet, heap = p99, heapAfter
		}
		fmt.Printf("%-28s %10.0f %10v %10v %6.2f %6d %6d %6d %10.1f %6.2f\n", row.name, float64(len(l.latencies))/during.Seconds(), l.percentile(0.5).Round(time.Microsecond), p99.Round(time.Microsecond),
			float64(p99)/float64(quiet), l.lost.Load(), l.mixed.Load(), l.back.Load(), float64(replacements)/during.Seconds(), heapAfter/heap)
		fmt.Printf("goroutines after: %d\n", goroutines)
	}
	return c.Status().Err
}
