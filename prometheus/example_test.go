package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/prometheus"
	"github.com/lateengo/gateway/spec"
)

// The gateway's counts stand on the page where a program has its own.
func ExampleNewCollector() {
	var counts metrics.Metrics
	gw, err := gateway.New().
		Observe(&counts).
		Backend("cart", http.NotFoundHandler()).
		VirtualService(spec.VirtualService{Name: "shop", Hosts: []string{"*"}, Routes: []spec.Route{{Name: "all", Destinations: []spec.Destination{{Host: "cart", Port: 80}}}}}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	registry := client.NewRegistry()
	orders := client.NewCounter(client.CounterOpts{Name: "orders_total", Help: "Orders."})
	registry.MustRegister(orders, prometheus.NewCollector(&counts))
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	gw.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	scraped := httptest.NewRecorder()
	page.ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(scraped.Body.String()) {
		if strings.HasPrefix(line, "lateen_route_requests_total") || strings.HasPrefix(line, "orders_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// lateen_route_requests_total{destination="outbound|80||cart.default.svc.cluster.local",listener="0.0.0.0_80",route="all",virtual_service="default/shop"} 1
	// orders_total 0
}
