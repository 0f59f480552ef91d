package prometheus

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
)

// serviceLabels are the labels that all of Istio's metrics have here, and resultLabels
// those of requests.
var (
	serviceLabels = []string{
		"reporter", "source_workload", "source_workload_namespace", "source_app", "destination_service", "destination_service_name",
		"destination_service_namespace", "destination_workload", "destination_workload_namespace", "destination_version",
		"connection_security_policy",
	}
	resultLabels = []string{"request_protocol", "response_code", "grpc_response_status", "response_flags"}
)

var (
	requestsTotal = desc("istio_requests_total", "Requests that the gateway handled.", slices.Concat(serviceLabels, resultLabels)...)
	duration      = desc("istio_request_duration_milliseconds", "Durations of the requests.", serviceLabels...)
	requestBytes  = desc("istio_request_bytes", "Bytes of the bodies of the requests.", serviceLabels...)
	responseBytes = desc("istio_response_bytes", "Bytes of the bodies of the responses.", serviceLabels...)
)

// A workload is a destination as Istio's labels tell it: without listener and route.
type workload struct{ host, version string }

// A total is the sum of the series of a workload.
type total struct {
	results           map[metrics.Result]uint64
	duration          metrics.Histogram
	request, response metrics.Sizes
}

func collectIstio(ch chan<- client.Metric, list []metrics.Series) {
	for w, t := range totals(list) {
		labels := w.labels()
		for r, n := range t.results {
			counter(ch, requestsTotal, n, append(slices.Clip(labels), r.Protocol, strconv.Itoa(r.Status), r.GRPCStatus, cmp.Or(r.Flags, "-"))...)
		}
		ch <- histogram(&t.duration, labels)
		ch <- sizes(requestBytes, &t.request, labels)
		ch <- sizes(responseBytes, &t.response, labels)
	}
}

// totals adds up the series of each workload.
func totals(list []metrics.Series) map[workload]*total {
	out := map[workload]*total{}
	for i := range list {
		s := &list[i]
		w := workload{cmp.Or(s.Destination.Host, "unknown"), cmp.Or(s.Destination.Subset, "unknown")}
		t := out[w]
		if t == nil {
			t = &total{results: map[metrics.Result]uint64{}}
			out[w] = t
		}
		for _, r := range s.Results {
			n := r.Count
			r.Count = 0
			t.results[r] += n
		}
		t.duration.Add(&s.Duration)
		t.request.Add(&s.RequestSizes)
		t.response.Add(&s.ResponseSizes)
	}
	return out
}

// labels returns the values of serviceLabels.
func (w workload) labels() []string {
	name, namespace := w.host, "unknown"
	if short, rest, found := strings.Cut(w.host, "."); found {
		if of, found := strings.CutSuffix(rest, ".svc.cluster.local"); found {
			name, namespace = short, of
		}
	}
	return valid([]string{"source", "lateen", "unknown", "lateen", w.host, name, namespace, "unknown", namespace, w.version, "unknown"})
}

// histogram returns the durations of a workload in milliseconds.
func histogram(h *metrics.Histogram, labels []string) client.Metric {
	buckets := make(map[float64]uint64, len(metrics.Bounds))
	count := uint64(0)
	for i, n := range h.Buckets {
		count += n
		if i < len(metrics.Bounds) {
			buckets[float64(metrics.Bounds[i])/1e6] = count
		}
	}
	return client.MustNewConstHistogram(duration, count, float64(h.Sum)/1e6, buckets, labels...)
}

// sizes returns the sizes of the bodies of a workload.
func sizes(d *client.Desc, s *metrics.Sizes, labels []string) client.Metric {
	buckets := make(map[float64]uint64, len(metrics.SizeBounds))
	count := uint64(0)
	for i, n := range s.Buckets {
		count += n
		if i < len(metrics.SizeBounds) {
			buckets[metrics.SizeBounds[i]] = count
		}
	}
	return client.MustNewConstHistogram(d, count, float64(s.Sum), buckets, labels...)
}
