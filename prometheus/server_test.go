package prometheus_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/metrics"
)

// A page is scraped by Prometheus.
type page struct {
	http.Handler
	// scrapes gets a value when a scrape begins.
	scrapes chan struct{}
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case p.scrapes <- struct{}{}:
	default: // nobody waits any more
	}
	p.Handler.ServeHTTP(w, r)
}

// A scraper is a process of Prometheus.
type scraper struct {
	url    string
	client *http.Client
	exited chan struct{}
}

// startPrometheus starts the Prometheus that is installed. It scrapes /text and
// /collector of a server, as the jobs of these names.
func startPrometheus(t *testing.T, server *httptest.Server) *scraper {
	t.Helper()
	if testing.Short() {
		t.Skip("Prometheus scrapes nothing in its first 5 seconds")
	}
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus binary (apt-get install prometheus)")
	}
	dir := t.TempDir()
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
	for _, job := range []string{"text", "collector"} {
		config += fmt.Sprintf("- {job_name: %s, metrics_path: /%s, static_configs: [{targets: [%q]}]}\n", job, job, server.Listener.Addr())
	}
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	command := exec.CommandContext(t.Context(), binary, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--log.format=json")
	log, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())

	s := &scraper{client: &http.Client{Transport: &http.Transport{}}, exited: make(chan struct{})}
	listening := make(chan string, 1)
	go func() {
		defer close(s.exited)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "Listening on" {
				listening <- line.Address
			}
			t.Log(lines.Text())
		}
	}()
	t.Cleanup(func() { // the end of the test's context has killed it
		<-s.exited
		_ = command.Wait()
		s.client.CloseIdleConnections()
	})
	select {
	case address := <-listening:
		s.url = "http://" + address
	case <-s.exited:
		t.Fatal("Prometheus ended")
	}
	return s
}

// await waits until a number of scrapes of a page have begun. All but the last one are
// then stored.
func (s *scraper) await(t *testing.T, p *page, scrapes int) {
	t.Helper()
	for range scrapes {
		select {
		case <-p.scrapes:
		case <-s.exited:
			t.Fatal("Prometheus ended")
		}
	}
}

// query returns the only value of an expression.
func (s *scraper) query(t *testing.T, expression string) float64 {
	t.Helper()
	response, err := s.client.Get(s.url + "/api/v1/query?query=" + url.QueryEscape(expression))
	require.NoError(t, err)
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []struct{ Value [2]any } }
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, "%s: %s", expression, answer.Error)
	require.Len(t, answer.Data.Result, 1, expression)
	value, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
	require.NoError(t, err)
	return value
}

// The queries of Istio's dashboards have answers in a real Prometheus, for what
// Metrics writes by itself and for the collector.
func TestIstioQueriesInPrometheus(t *testing.T) {
	var m metrics.Metrics
	pages := map[string]*page{
		"text":      {&m, make(chan struct{}, 1000)},
		"collector": {promhttp.HandlerFor(registered(t, &m), promhttp.HandlerOpts{}), make(chan struct{}, 1000)},
	}
	mux := http.NewServeMux()
	for job, p := range pages {
		mux.Handle("/"+job, p)
	}
	server := httptest.NewServer(mux)
	defer server.Close()

	// One request in four fails. All take between 1 and 5 ms, which is one bucket.
	requests := func(n int) {
		for i := range n {
			status := []int{200, 201, 404, 503}[i%4]
			m.Observe(request(to(cartHost, "v1"), status, 3*time.Millisecond))
			m.Observe(request(to("pay.default.svc.cluster.local", ""), 200, time.Second))
		}
	}
	requests(4)
	s := startPrometheus(t, server)
	for _, p := range pages {
		s.await(t, p, 2)
	}
	requests(40)
	for _, p := range pages {
		// The first may have begun before these requests. The one after it has them.
		for len(p.scrapes) > 0 {
			<-p.scrapes
		}
		s.await(t, p, 2)
	}

	const cart = `{reporter="source",destination_service="cart.default.svc.cluster.local"}`
	of := func(more string) string { return strings.TrimSuffix(cart, "}") + "," + more + "}" }
	for _, tt := range []struct {
		query string
		want  float64
	}{
		{`sum(istio_requests_total` + cart + `)`, 44},
		{`sum(istio_requests_total` + of(`response_code=~"5.*"`) + `)`, 11},
		{`sum(rate(istio_requests_total` + of(`response_code!~"5.*"`) + `[1m])) / sum(rate(istio_requests_total` + cart + `[1m]))`, 0.75},
		{`count(sum(istio_requests_total` + cart + `) by (response_code, response_flags, destination_version))`, 4},
		{`histogram_quantile(0.5, sum(rate(istio_request_duration_milliseconds_bucket` + cart + `[1m])) by (le))`, 3},
		{`sum(rate(istio_request_duration_milliseconds_sum` + cart + `[1m])) / sum(rate(istio_request_duration_milliseconds_count` + cart + `[1m]))`, 3},
		{`sum(istio_request_bytes_sum` + cart + `)`, 440},
		{`sum(istio_response_bytes_sum` + cart + `)`, 4400},
		{`sum(istio_requests_total{destination_service_name="pay",destination_service_namespace="default"})`, 44},
		{`sum(lateen_route_failures_total{virtual_service="default/shop"})`, 11},
	} {
		for job := range pages {
			query := strings.ReplaceAll(tt.query, "{", `{job="`+job+`",`)
			require.InDelta(t, tt.want, s.query(t, query), 1e-6, query)
		}
	}
	for job := range pages {
		require.Positive(t, s.query(t, strings.ReplaceAll(`sum(rate(istio_requests_total`+cart+`[1m]))`, "{", `{job="`+job+`",`)))
	}
}
