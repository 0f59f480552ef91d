package metrics

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
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

// A service is a destination with the labels that Istio's metrics have for it.
type service struct {
	labels   string
	results  map[Result]uint64
	duration Histogram
	// request and response are the sizes of the bodies.
	request, response Sizes
}

// labelsOf returns Istio's labels of the destination of a series.
func labelsOf(s *Series) string {
	d := &s.Destination
	host := cmp.Or(d.Host, "unknown")
	name, namespace := host, "unknown"
	if short, rest, found := strings.Cut(host, "."); found && strings.HasSuffix(rest, ".svc.cluster.local") {
		name, namespace = short, strings.TrimSuffix(rest, ".svc.cluster.local")
	}
	return fmt.Sprintf(`reporter="source",source_workload="lateen",source_workload_namespace="unknown",source_app="lateen",destination_service=%s,destination_service_name=%s,destination_service_namespace=%s,destination_workload="unknown",destination_workload_namespace=%s,destination_version=%s,connection_security_policy="unknown"`,
		quote(host), quote(name), quote(namespace), quote(namespace), quote(cmp.Or(d.Subset, "unknown")))
}

func writeIstio(w io.Writer, list []Series) {
	byLabels := map[string]*service{}
	var order []string
	for i := range list {
		s := &list[i]
		labels := labelsOf(s)
		to := byLabels[labels]
		if to == nil {
			to = &service{labels: labels, results: map[Result]uint64{}}
			byLabels[labels] = to
			order = append(order, labels)
		}
		for _, r := range s.Results {
			n := r.Count
			r.Count = 0
			to.results[r] += n
		}
		to.duration.Add(&s.Duration)
		to.request.Add(&s.RequestSizes)
		to.response.Add(&s.ResponseSizes)
	}
	slices.Sort(order)
	header(w, "istio_requests_total", "counter", "Requests that the gateway handled.")
	for _, labels := range order {
		s := byLabels[labels]
		results := make([]Result, 0, len(s.results))
		for r := range s.results {
			results = append(results, r)
		}
		slices.SortFunc(results, func(a, b Result) int {
			return cmp.Or(cmp.Compare(a.Status, b.Status), strings.Compare(a.Flags, b.Flags), strings.Compare(a.GRPCStatus, b.GRPCStatus))
		})
		for _, r := range results {
			fmt.Fprintf(w, "istio_requests_total{%s,request_protocol=%s,response_code=\"%d\",grpc_response_status=%s,response_flags=%s} %d\n",
				labels, quote(r.Protocol), r.Status, quote(r.GRPCStatus), quote(cmp.Or(r.Flags, "-")), s.results[r])
		}
	}
	header(w, "istio_request_duration_milliseconds", "histogram", "Durations of the requests.")
	for _, labels := range order {
		h := &byLabels[labels].duration
		total := uint64(0)
		for i, n := range h.Buckets {
			total += n
			bound := "+Inf"
			if i < len(Bounds) {
				bound = strconv.FormatFloat(float64(Bounds[i])/1e6, 'g', -1, 64)
			}
			fmt.Fprintf(w, "istio_request_duration_milliseconds_bucket{%s,le=%q} %d\n", labels, bound, total)
		}
		fmt.Fprintf(w, "istio_request_duration_milliseconds_sum{%s} %s\n", labels, strconv.FormatFloat(float64(h.Sum)/1e6, 'g', -1, 64))
		fmt.Fprintf(w, "istio_request_duration_milliseconds_count{%s} %d\n", labels, total)
	}
	for _, bytes := range []struct {
		name, help string
		of         func(*service) *Sizes
	}{
		{"istio_request_bytes", "Bytes of the bodies of the requests.", func(s *service) *Sizes { return &s.request }},
		{"istio_response_bytes", "Bytes of the bodies of the responses.", func(s *service) *Sizes { return &s.response }},
	} {
		header(w, bytes.name, "histogram", bytes.help)
		for _, labels := range order {
			h := bytes.of(byLabels[labels])
			total := uint64(0)
			for i, n := range h.Buckets {
				total += n
				bound := "+Inf"
				if i < len(SizeBounds) {
					bound = strconv.FormatFloat(SizeBounds[i], 'g', -1, 64)
				}
				fmt.Fprintf(w, "%s_bucket{%s,le=%q} %d\n", bytes.name, labels, bound, total)
			}
			fmt.Fprintf(w, "%s_sum{%s} %d\n%s_count{%s} %d\n", bytes.name, labels, h.Sum, bytes.name, labels, total)
		}
	}
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
