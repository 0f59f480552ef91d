// Bench compares the gateway's routing with that of other routers, and prints
// tables in Markdown.
//
//	go run . [-sizes 1,10,100,1000,10000] [-turns 51] [-shape prefixes]
//
// Every contestant answers the same 1,024 shuffled requests, after a check that
// its answers are right. All run in turns in one process, so that load on the
// machine affects all alike; compare the ratios, not the times.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/paired"
)

func main() {
	sizes := flag.String("sizes", "1,10,100,1000,10000", "numbers of `routes`")
	turns := flag.Int("turns", 51, "how many turns each contestant gets")
	only := flag.String("shape", "", "the only `shape` to measure")
	flag.Parse()
	var numbers []int
	for field := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			log.Fatalf("-sizes: %q is not a number of routes", field)
		}
		numbers = append(numbers, n)
	}
	for i := range shapes {
		if *only == "" || *only == shapes[i].name {
			report(os.Stdout, &shapes[i], numbers, *turns)
		}
	}
}

// report measures a shape at several sizes and prints a table: nanoseconds, and
// in parentheses the ratio to lateen.
func report(out io.Writer, s *shape, sizes []int, turns int) {
	cells := make([][]string, len(contestants))
	for _, n := range sizes {
		results := measure(s, n, turns)
		for i, r := range results {
			cells[i] = append(cells[i], fmt.Sprintf("%s (%.3g)", nanoseconds(r.Nanoseconds), r.Ratio))
		}
	}
	fmt.Fprintf(out, "\n**%s**: %s\n\n| |", s.name, s.about)
	for _, n := range sizes {
		fmt.Fprintf(out, " N = %d |", n)
	}
	fmt.Fprint(out, "\n|---|", strings.Repeat("---:|", len(sizes)), "\n")
	for i := range contestants {
		fmt.Fprintf(out, "| %s | %s |\n", contestants[i].name, strings.Join(cells[i], " | "))
	}
}

func measure(s *shape, n, turns int) []paired.Result {
	table := s.table(n)
	requests, answers := s.requests(table)
	var running []paired.Contestant
	for _, c := range contestants {
		h := c.make(table)
		if err := check(h, requests, answers); err != nil {
			log.Fatalf("%s, %s, %d routes: %v", c.name, s.name, n, err)
		}
		w, next := discard{http.Header{}}, 0
		running = append(running, paired.Contestant{Name: c.name, Run: func(n int) {
			for range n {
				h.ServeHTTP(w, requests[next])
				next = (next + 1) % requestCount
			}
		}})
	}
	return paired.Compare(turns, time.Millisecond, running...)
}

// check checks the answer to every request.
func check(h http.Handler, requests []*http.Request, answers []int) error {
	for i, r := range requests {
		w := &status{discard: discard{http.Header{}}}
		answered = -1
		h.ServeHTTP(w, r)
		got := answered
		if gw, ok := h.(*gateway.Gateway); ok {
			got = -1
			if d := gw.Decide(r); d.Route != nil {
				got, _ = strconv.Atoi(d.Route.Name)
			}
		}
		want := http.StatusOK
		if answers[i] < 0 {
			want = http.StatusNotFound
		}
		if got != answers[i] || w.code != want {
			return fmt.Errorf("%s %s%s: rule %d and status %d instead of rule %d and status %d",
				r.Method, r.Host, r.URL, got, w.code, answers[i], want)
		}
	}
	return nil
}

// discard is the cheapest http.ResponseWriter.
type discard struct{ header http.Header }

func (w discard) Header() http.Header         { return w.header }
func (w discard) Write(p []byte) (int, error) { return len(p), nil }
func (w discard) WriteHeader(int)             {}

// status keeps the status.
type status struct {
	discard
	code int
}

func (w *status) WriteHeader(code int) { w.code = code }

func nanoseconds(ns float64) string {
	switch {
	case ns >= 10_000:
		return fmt.Sprintf("%.0f µs", ns/1000)
	case ns >= 1000:
		return fmt.Sprintf("%.1f µs", ns/1000)
	}
	return fmt.Sprintf("%.0f ns", ns)
}
