// Limits compares the gateway's rate limits with other limiters in this process,
// and prints tables in Markdown.
//
//	go run ./limits [-keys 1,1000,1000000] [-turns 51]
//
// Every contestant allows all requests: that is the usual case, and the one in which
// a limiter writes. All processors take tokens at the same time. The contestants run
// in turns, so that load on the machine affects all alike; compare the ratios, not
// the times.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/paired"
)

func main() {
	keys := flag.String("keys", "1,1000,1000000", "numbers of `keys`")
	turns := flag.Int("turns", 51, "how many turns each contestant gets")
	flag.Parse()
	var numbers []int
	for field := range strings.SplitSeq(*keys, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			log.Fatalf("-keys: %q is not a number of keys", field)
		}
		numbers = append(numbers, n)
	}
	report(os.Stdout, numbers, *turns)
}

// report measures the limiters and then the middlewares, and prints a table of each.
func report(out io.Writer, numbers []int, turns int) {
	print(out, "A limiter alone", numbers, len(limiters), func(n int) []measured {
		return measure(limiters, addresses(n), turns, func(l limiter, key string) bool { return l(key) })
	})
	print(out, "A middleware around a handler", numbers, len(middlewares), func(n int) []measured {
		return measure(middlewares, addresses(n), turns, served)
	})
}

// A contestant makes what takes tokens, of type L.
type contestant[L any] struct {
	name string
	make func() L
}

// A measured is the cost of a contestant for one number of keys.
type measured struct {
	paired.Result
	allocations, bytesPerKey float64
}

// measure lets contestants take tokens of keys.
func measure[L any](contestants []contestant[L], keys []string, turns int, take func(L, string) bool) []measured {
	out := make([]measured, len(contestants))
	running := make([]paired.Contestant, len(contestants))
	for i, c := range contestants {
		before := heap()
		l := c.make()
		for _, key := range keys {
			if !take(l, key) {
				log.Fatalf("%s refuses a request", c.name)
			}
		}
		out[i].bytesPerKey = float64(heap()-before) / float64(len(keys))
		out[i].allocations = allocations(func() { take(l, keys[0]) })
		running[i] = paired.Contestant{Name: c.name, Run: func(n int) { onAllProcessors(n, keys, func(key string) { take(l, key) }) }}
	}
	for i, r := range paired.Compare(turns, 20*time.Millisecond, running...) {
		out[i].Result = r
	}
	return out
}

// onAllProcessors calls take n times, with keys in a random order.
func onAllProcessors(n int, keys []string, take func(string)) {
	workers := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			random := uint32(worker)*0x9e3779b9 + uint32(n)
			for range (n + workers - 1) / workers {
				random = random*1664525 + 1013904223
				take(keys[uint64(random)*uint64(len(keys))>>32])
			}
		})
	}
	all.Wait()
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocations returns how many objects f allocates.
func allocations(f func()) float64 {
	const runs = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / runs)
}

// served reports whether a middleware lets a request from an address through.
func served(h http.Handler, address string) bool {
	v := visits.Get().(*visit)
	defer visits.Put(v)
	v.request.RemoteAddr = address
	clear(v.header)
	h.ServeHTTP(v, v.request)
	return v.code == http.StatusNoContent
}

// visits are reused, because a request that was just read is in the caches.
var visits = sync.Pool{New: func() any {
	return &visit{request: httptest.NewRequest("GET", "http://shop.example.com/products/1", http.NoBody), header: http.Header{}}
}}

// A visit is a request and the cheapest http.ResponseWriter that keeps the status.
type visit struct {
	request *http.Request
	header  http.Header
	code    int
}

func (v *visit) Header() http.Header         { return v.header }
func (v *visit) Write(p []byte) (int, error) { return len(p), nil }
func (v *visit) WriteHeader(code int)        { v.code = code }

// print prints a table: nanoseconds, and in parentheses the ratio to the first
// contestant; then allocations and bytes.
func print(out io.Writer, title string, numbers []int, contestants int, measure func(n int) []measured) {
	lines := make([]string, contestants)
	for i, n := range numbers {
		for k, m := range measure(n) {
			if i == 0 {
				lines[k] = "| " + m.Name + " |"
			}
			lines[k] += fmt.Sprintf(" %.0f ns (%.3g) |", m.Nanoseconds, m.Ratio)
			if i == len(numbers)-1 {
				lines[k] += fmt.Sprintf(" %.0f | %.0f |", m.allocations, m.bytesPerKey)
			}
		}
	}
	fmt.Fprintf(out, "\n| %s |", title)
	for _, n := range numbers {
		fmt.Fprintf(out, " %d keys |", n)
	}
	fmt.Fprint(out, " allocations | bytes per key |\n|---|", strings.Repeat("---:|", len(numbers)+2), "\n")
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}
