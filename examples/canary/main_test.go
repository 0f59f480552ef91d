package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/admin"
	"github.com/lateengo/gateway/examples/internal/program"
	"github.com/lateengo/gateway/metrics"
)

// The new version gets its share, and the page says that it is worse.
func TestCanary(t *testing.T) {
	counts := new(metrics.Metrics)
	gw, err := newGateway(counts, 20, 0.5)
	require.NoError(t, err)
	defer gw.Close()
	for range 2000 {
		gw.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://shop.example.com/", nil))
	}
	lines := strings.Split(report(counts), "\n")
	require.Regexp(t, regexp.MustCompile(`^shop +promised 80 %, got (7|8)\d\.\d % of 2000, 0\.0 % failed, 95 % took at most `), lines[0])
	require.Regexp(t, regexp.MustCompile(`^shop-v2 +promised 20 %, got (1|2)\d\.\d % of 2000, (3|4|5|6)\d\.\d % failed, `), lines[1])

	w := httptest.NewRecorder()
	admin.New(gw, admin.Config{Metrics: counts}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
	require.Contains(t, w.Body.String(), "shop-v2 fails more often than shop")
}

func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("the program is not built, nor run")
	}
	p := program.Start(t, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-failures", "0", "-rate", "0")
	status, body := p.Get("/")
	require.Equal(t, http.StatusOK, status)
	require.Regexp(t, "^v[12]\n$", body)
	p.Stop(syscall.SIGTERM)
}
