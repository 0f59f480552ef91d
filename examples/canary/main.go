// Canary sends 10 % of the requests to a new version that fails more often than the old
// one, and shows what an operator sees: a status page, and a line every few seconds.
// It sends the requests itself.
//
//	go run ./examples/canary
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/admin"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/spec"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8085", "`address` of the gateway")
	page := flag.String("admin", "127.0.0.1:9085", "`address` of the status page")
	weight := flag.Int("weight", 10, "`percent` of the requests that the new version gets")
	failures := flag.Float64("failures", 0.05, "`share` of its requests that the new version fails")
	rate := flag.Int("rate", 100, "`requests` per second that this program sends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *page, *weight, *failures, *rate); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, page string, weight int, failures float64, rate int) error {
	counts := new(metrics.Metrics)
	gw, err := newGateway(counts, weight, failures)
	if err != nil {
		return err
	}
	defer gw.Close()
	stopPage, pageAddr, err := admin.New(gw, admin.Config{Metrics: counts}).Listen(page)
	if err != nil {
		return err
	}
	defer stopPage()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%[1]s\ntry: curl http://%[1]s/\nstatus page: http://%[2]s/\n", listener.Addr(), pageAddr)
	s := &http.Server{Handler: gw}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	if rate > 0 {
		go load(ctx, "http://"+listener.Addr().String()+"/", time.Second/time.Duration(rate))
	}
	for lines := time.NewTicker(5 * time.Second); ; {
		select {
		case <-lines.C:
			fmt.Print(report(counts))
		case err := <-served:
			return err
		case <-ctx.Done():
			if err := s.Close(); err != nil {
				return err
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}
	}
}

// newGateway splits the requests between two versions, and counts what becomes of them.
func newGateway(counts *metrics.Metrics, weight int, failures float64) (*gateway.Gateway, error) {
	return gateway.New().
		Observe(counts).
		Route(spec.Route{
			Name: "shop",
			Destinations: []spec.Destination{
				{Host: "shop", Weight: 100 - weight},
				{Host: "shop-v2", Weight: weight},
			},
		}).
		Backend("shop", version("v1", 0)).
		Backend("shop-v2", version("v2", failures)).
		Build()
}

// version is a version of the service, which fails a share of its requests.
func version(name string, failures float64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if rand.Float64() < failures {
			http.Error(w, name+" has failed", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, name)
	})
}

// report returns a line for each version: the share that it was promised, the share that
// it got, how many of its requests failed, and how long the slowest 5 % took.
func report(counts *metrics.Metrics) string {
	series := counts.Series()
	slices.SortFunc(series, func(a, b metrics.Series) int { return b.Destination.Weight - a.Destination.Weight })
	var all uint64
	for i := range series {
		all += series[i].Requests()
	}
	text := ""
	for i := range series {
		s := &series[i]
		requests, to := s.Requests(), s.Destination
		name, _, _ := strings.Cut(to.Host, ".")
		text += fmt.Sprintf("%-8s promised %d %%, got %.1f %% of %d, %.1f %% failed, 95 %% took at most %v\n", name,
			100*to.Weight/max(1, to.Total), 100*float64(requests)/float64(all), all,
			100*float64(s.Failures())/float64(requests), s.Duration.Quantile(0.95).Round(10*time.Microsecond))
	}
	return text
}

// load sends a request at each interval until ctx ends.
func load(ctx context.Context, url string, interval time.Duration) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			if response, err := http.Get(url); err == nil {
				response.Body.Close()
			}
		}
	}
}
