package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
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

	measure := func(replace func(n int) error) (result, float64, int, int) {
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
		l, err := fromOutside(url, during)
		if err != nil {
			log.Fatal(err)
		}
		replacing.Wait()
		heap, goroutines := atRest()
		return l, heap, goroutines, replacements
	}
	measure(nil) // to warm up
	fmt.Printf("%d routes, %d clients, %v each\n", routes, 8*runtime.GOMAXPROCS(0), during)
	fmt.Printf("%-28s %10s %10s %10s %6s %6s %6s %6s %10s %6s\n", "", "requests/s", "p50", "p99", "x", "lost", "mixed", "older", "replaced/s", "heap x")
	var quiet time.Duration
	for _, row := range []struct {
		name    string
		replace func(n int) error
	}{
		{"no replacements", nil},
		{"100 Replace a second", func(n int) error { return s.Replace(gateway.New().Load(declared(n))) }},
		{"100 renames a second", put},
	} {
		// One replacement is in the heap before, as its declarations need their memory.
		if row.replace != nil {
			latest++
			if err := row.replace(latest); err != nil {
				return err
			}
		}
		heap, _ := atRest()
		before := c.Status().Generation
		l, heapAfter, goroutines, replacements := measure(row.replace)
		if n := int(c.Status().Generation - before); n > 0 {
			replacements = n
		}
		if quiet == 0 {
			quiet = l.P99
		}
		fmt.Printf("%-28s %10.0f %10v %10v %6.2f %6d %6d %6d %10.1f %6.2f\n", row.name, float64(l.Requests)/during.Seconds(), l.P50.Round(time.Microsecond), l.P99.Round(time.Microsecond),
			float64(l.P99)/float64(quiet), l.Lost, l.Mixed, l.Back, float64(replacements)/during.Seconds(), heapAfter/heap)
		fmt.Printf("goroutines after: %d\n", goroutines)
	}
	return c.Status().Err
}

// atRest returns the heap in use and the number of goroutines when nothing happens.
func atRest() (heap float64, goroutines int) {
	time.Sleep(2 * time.Second)
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc), runtime.NumGoroutine()
}
