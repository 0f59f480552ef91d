package metrics

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func duration(nanoseconds int64) time.Duration { return time.Duration(nanoseconds) }

// ServeHTTP answers with WritePrometheus, for Prometheus to scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_ = m.WritePrometheus(w)
}

// WritePrometheus writes the counts in the text format of Prometheus: Istio's standard
// metrics istio_requests_total, istio_request_duration_milliseconds,
// istio_request_bytes and istio_response_bytes with Istio's labels, so that its
// dashboards work, and lateen_route_requests_total, lateen_route_retries_total and
// lateen_route_limited_total by route.
func (m *Metrics) WritePrometheus(w io.Writer) error {
	out := bufio.NewWriter(w)
	list := m.Series()
	writeIstio(out, list)
	writeRoutes(out, list)
	return out.Flush()
}

func writeIstio(w io.Writer, list []Series) {
	services := Services(list)
	labels := make([]string, len(services))
	for i := range services {
		labels[i] = labelled(ServiceLabels, services[i].LabelValues())
	}
	header(w, "istio_requests_total", "counter", "Requests that the gateway handled.")
	for i := range services {
		for _, r := range services[i].Results {
			fmt.Fprintf(w, "istio_requests_total{%s,%s} %d\n", labels[i], labelled(ResultLabels, r.LabelValues()), r.Count)
		}
	}
	header(w, "istio_request_duration_milliseconds", "histogram", "Durations of the requests.")
	for i := range services {
		h := &services[i].Duration
		histogram(w, "istio_request_duration_milliseconds", labels[i], h.Buckets[:], func(i int) float64 { return float64(Bounds[i]) / 1e6 }, float64(h.Sum)/1e6)
	}
	for _, bytes := range []struct {
		name, help string
		of         func(*Service) *Sizes
	}{
		{"istio_request_bytes", "Bytes of the bodies of the requests.", func(s *Service) *Sizes { return &s.RequestSizes }},
		{"istio_response_bytes", "Bytes of the bodies of the responses.", func(s *Service) *Sizes { return &s.ResponseSizes }},
	} {
		header(w, bytes.name, "histogram", bytes.help)
		for i := range services {
			h := bytes.of(&services[i])
			histogram(w, bytes.name, labels[i], h.Buckets[:], func(i int) float64 { return SizeBounds[i] }, float64(h.Sum))
		}
	}
}

// histogram writes a histogram whose last bucket has no bound.
func histogram(w io.Writer, name, labels string, buckets []uint64, bound func(i int) float64, sum float64) {
	total := uint64(0)
	for i, n := range buckets {
		total += n
		le := "+Inf"
		if i < len(buckets)-1 {
			le = strconv.FormatFloat(bound(i), 'g', -1, 64)
		}
		fmt.Fprintf(w, "%s_bucket{%s,le=%q} %d\n", name, labels, le, total)
	}
	fmt.Fprintf(w, "%s_sum{%s} %s\n%s_count{%s} %d\n", name, labels, strconv.FormatFloat(sum, 'g', -1, 64), name, labels, total)
}

// labelled returns labels with their values.
func labelled(names, values []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + "=" + quote(values[i]))
	}
	return b.String()
}

func writeRoutes(w io.Writer, list []Series) {
	for _, m := range []struct {
		name, help string
		of         func(*Series) uint64
	}{
		{"lateen_route_requests_total", "Requests by route and destination.", (*Series).Requests},
		{"lateen_route_failures_total", "Requests by route and destination that failed: status 500 and more, or no response.", (*Series).Failures},
		{"lateen_route_retries_total", "Tries after the first one.", func(s *Series) uint64 { return s.Retries }},
		{"lateen_route_limited_total", "Requests that a rate limit refused.", func(s *Series) uint64 { return s.Limited }},
	} {
		header(w, m.name, "counter", m.help)
		for i := range list {
			s := &list[i]
			fmt.Fprintf(w, "%s{listener=%s,virtual_service=%s,route=%s,destination=%s} %d\n", m.name,
				quote(s.Listener), quote(s.VirtualService), quote(s.Route), quote(s.Destination.Cluster), m.of(s))
		}
	}
}

func header(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// labelEscapes are those of a label's value.
var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// quote returns the value of a label. Names that were declared in Go can be other than
// UTF-8, and Prometheus would refuse all of the text.
func quote(s string) string {
	return `"` + labelEscapes.Replace(strings.ToValidUTF8(s, "\uFFFD")) + `"`
}
