package otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/lateengo/gateway/metrics"
)

// RegisterMetrics lets a meter read the counts of m when it collects, by route and
// destination: lateen.route.requests (also by status and response flags),
// lateen.route.retries, lateen.route.limited, lateen.route.request.size and
// lateen.route.response.size. Unregister the registration to stop.
//
// There are no durations among them, since OpenTelemetry cannot read a histogram that
// was counted elsewhere. Take them from spans, or let Prometheus read m.
func RegisterMetrics(meter metric.Meter, m *metrics.Metrics) (metric.Registration, error) {
	requests, err := meter.Int64ObservableCounter("lateen.route.requests", metric.WithUnit("{request}"),
		metric.WithDescription("Requests by route, destination and result."))
	if err != nil {
		return nil, err
	}
	type counter struct {
		metric.Int64Observable
		of func(*metrics.Series) uint64
	}
	var counters []counter
	observed := []metric.Observable{requests}
	for _, c := range []struct {
		name, unit, description string
		of                      func(*metrics.Series) uint64
	}{
		{"lateen.route.retries", "{try}", "Tries after the first one.", func(s *metrics.Series) uint64 { return s.Retries }},
		{"lateen.route.limited", "{request}", "Requests that a rate limit refused.", func(s *metrics.Series) uint64 { return s.Limited }},
		{"lateen.route.request.size", "By", "Bytes of the bodies of the requests.", func(s *metrics.Series) uint64 { return s.RequestSizes.Sum }},
		{"lateen.route.response.size", "By", "Bytes of the bodies of the responses.", func(s *metrics.Series) uint64 { return s.ResponseSizes.Sum }},
	} {
		instrument, err := meter.Int64ObservableCounter(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.description))
		if err != nil {
			return nil, err
		}
		counters, observed = append(counters, counter{instrument, c.of}), append(observed, instrument)
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, s := range m.Series() {
			route := []attribute.KeyValue{
				attribute.String("listener", s.Listener), attribute.String("virtual_service", s.VirtualService),
				attribute.String("route", s.Route), upstreamCluster.String(s.Destination.Cluster),
			}
			for _, r := range s.Results {
				by := append(route[:len(route):len(route)], semconv.HTTPResponseStatusCode(r.Status), flags(r.Flags),
					grpcStatusCode.String(r.GRPCStatus))
				o.ObserveInt64(requests, int64(r.Count), metric.WithAttributes(by...))
			}
			by := metric.WithAttributes(route...)
			for _, c := range counters {
				o.ObserveInt64(c.Int64Observable, int64(c.of(&s)), by)
			}
		}
		return nil
	}, observed...)
}
