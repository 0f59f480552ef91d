//go:build unix

// Outage measures what requests wait while the store of a shared limit works, while it
// fails, and until it counts again. It prints a table in Markdown. It starts
// redis-server, and github.com/envoyproxy/ratelimit from the path in LATEEN_RATELIMIT,
// and leaves out what is not installed. It needs Unix.
//
//	go run ./limits/outage [-outages 20] [-lasting 2s]
//
// One client sends one request after the other. The backend is a handler that does
// nothing.
package main

import (
	"flag"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

func main() {
	outages := flag.Int("outages", 20, "how `many` times each store fails in each way")
	lasting := flag.Duration("lasting", 2*time.Second, "how long an outage lasts, and up to a second more")
	flag.Parse()
	logging.Disable()
	fmt.Println("| Store, and how it fails | works: p50 | p99 | fails: first request, median | most | the others: p50 | p99 | until it counts again, median | most |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, start := range []func() (*store, error){startRedis, startEnvoy} {
		s, err := start()
		if err != nil {
			log.Print(err)
			continue
		}
		for _, f := range faults {
			m, err := measure(s, f, *outages, *lasting)
			if err != nil {
				s.end()
				log.Fatal(err)
			}
			fmt.Printf("| %s, %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.name, f.name,
				at(m.works, 50), at(m.works, 99), at(m.first, 50), at(m.first, 100), at(m.others, 50), at(m.others, 99), at(m.until, 50), at(m.until, 100))
		}
		s.end()
	}
}

// at returns a percentile.
func at(all []time.Duration, percentile int) string {
	slices.Sort(all)
	d := all[(len(all)-1)*percentile/100]
	if d < time.Millisecond {
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}
