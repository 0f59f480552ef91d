// Command overload measures what a gateway does with more requests than it can serve.
//
//	cd bench && go run ./overload
//
// A destination can work on few requests at a time, and gets slower with each further one,
// as a database with contended locks does. The program finds the peak of its throughput
// through the gateway, and then sends ten times as many requests as that, with and without
// a bound on the requests in flight. It prints how many answers were good, and how late
// they were.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func main() {
	log.SetFlags(0)
	length := flag.Duration("time", 5*time.Second, "how long each load lasts")
	capacity := flag.Int("capacity", 32, "how many requests the destination can work on before it gets slower")
	most := flag.Int("max-requests", 40, "the bound")
	flag.Parse()
	fmt.Printf("%d processors, capacity %d, bound %d, %v each\n\n", runtime.GOMAXPROCS(0), *capacity, *most, *length)
	fmt.Printf("%-10s %8s %10s %10s %10s %10s\n", "bound", "clients", "good/s", "refused/s", "p50", "p99")
	var peak float64
	for _, row := range []struct{ most, clients int }{{0, *capacity}, {*most, *capacity}, {0, 10 * *capacity}, {*most, 10 * *capacity}} {
		r, err := measure(row.most, row.clients, *capacity, *length)
		if err != nil {
			log.Fatal(err)
		}
		bound := "none"
		if row.most > 0 {
			bound = fmt.Sprint(row.most)
		}
		peak = max(peak, r.good)
		fmt.Printf("%-10s %8d %10.0f %10.0f %10v %10v   %3.0f%% of the peak\n", bound, row.clients, r.good, r.refused,
			r.p50.Round(time.Microsecond*100), r.p99.Round(time.Microsecond*100), 100*r.good/peak)
	}
}

type result struct {
	good, refused float64 // in a second
	p50, p99      time.Duration
}

// A destination works for workTime on each request, and longer for each one beyond its
// capacity.
type destination struct {
	active   atomic.Int64
	capacity int64
}

// Work takes so long that the processors, which the clients share, are no limit.
const workTime = 200 * time.Millisecond

// refusedPause is how long a client waits after a refusal: as long as for an answer, much
// less than Retry-After says. So ten times as many clients send ten times as many requests.
const refusedPause = workTime

func (d *destination) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := d.active.Add(1)
	defer d.active.Add(-1)
	// Some of the work needs a processor.
	for began := time.Now(); time.Since(began) < 50*time.Microsecond; {
	}
	work := workTime
	if over := float64(n) / float64(d.capacity); over > 1 {
		// Throughput falls as contention grows.
		work = time.Duration(float64(work) * over * over)
	}
	time.Sleep(work)
	_, _ = io.WriteString(w, "done")
}

func measure(most, clients, capacity int, length time.Duration) (result, error) {
	gw, err := gateway.New().MaxRequests(most).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}).Backend("app", &destination{capacity: int64(capacity)}).Build()
	if err != nil {
		return result{}, err
	}
	defer gw.Close()
	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	if err := s.Start(); err != nil {
		return result{}, err
	}
	url := "http://" + s.Addr(80).(*net.TCPAddr).String() + "/"
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var mu sync.Mutex
	var times []time.Duration
	var refused, failed int
	var running sync.WaitGroup
	began := time.Now()
	end := began.Add(length)
	for range clients {
		running.Go(func() {
			var own []time.Duration
			var ownRefused, ownFailed int
			for time.Now().Before(end) {
				began := time.Now()
				response, err := client.Get(url)
				if err != nil {
					ownFailed++
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				switch response.StatusCode {
				case http.StatusOK:
					own = append(own, time.Since(began))
				case http.StatusServiceUnavailable:
					ownRefused++
					time.Sleep(refusedPause)
				default:
					ownFailed++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			refused += ownRefused
			failed += ownFailed
		})
	}
	running.Wait()
	elapsed := time.Since(began).Seconds() // with what was late
	_ = s.Shutdown(context.Background())
	if failed > 0 || len(times) == 0 {
		return result{}, fmt.Errorf("%d requests failed, %d were answered", failed, len(times))
	}
	slices.Sort(times)
	return result{
		good: float64(len(times)) / elapsed, refused: float64(refused) / elapsed,
		p50: times[len(times)/2], p99: times[len(times)*99/100],
	}, nil
}
