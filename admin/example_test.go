package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/admin"
	"github.com/lateengo/gateway/metrics"
)

// A program serves the pages of its gateway next to its own, for operators only.
func Example() {
	shop := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "shop") })

	counts := new(metrics.Metrics)
	gw, err := gateway.New().Observe(counts).Backend("shop", shop).Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	pages := admin.New(gw, admin.Config{Metrics: counts})
	defer gw.Close()

	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/healthz", nil))
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	// Output: 200 ok
}
