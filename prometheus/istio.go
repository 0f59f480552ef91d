package prometheus

import (
	"slices"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
)

var (
	requestsTotal = desc("istio_requests_total", "Requests that the gateway handled.", slices.Concat(metrics.ServiceLabels, metrics.ResultLabels)...)
	duration      = desc("istio_request_duration_milliseconds", "Durations of the requests.", metrics.ServiceLabels...)
	requestBytes  = desc("istio_request_bytes", "Bytes of the bodies of the requests.", metrics.ServiceLabels...)
	responseBytes = desc("istio_response_bytes", "Bytes of the bodies of the responses.", metrics.ServiceLabels...)
)

func collectIstio(ch chan<- client.Metric, list []metrics.Series) {
	for _, s := range metrics.Services(list) {
		labels := valid(s.LabelValues())
		for _, r := range s.Results {
			counter(ch, requestsTotal, r.Count, slices.Concat(labels, r.LabelValues())...)
		}
		ch <- histogram(&s.Duration, labels)
		ch <- sizes(requestBytes, &s.RequestSizes, labels)
		ch <- sizes(responseBytes, &s.ResponseSizes, labels)
	}
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
