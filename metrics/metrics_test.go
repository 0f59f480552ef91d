package metrics

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

func to(subset string) *observe.Destination {
	return &observe.Destination{
		Cluster: "outbound|80|" + subset + "|cart.default.svc.cluster.local", Host: "cart.default.svc.cluster.local", Port: 80, Subset: subset, Weight: 90, Total: 100,
	}
}

func request(status int, flags string, took time.Duration) *observe.Outcome {
	return &observe.Outcome{
		Listener: "0.0.0.0_80", VirtualService: "default/shop", Route: "cart", Destination: to("v1"), Status: status, Flags: flags, Duration: took,
		RequestBytes: 10, ResponseBytes: 100,
	}
}

func TestSeries(t *testing.T) {
	var m Metrics
	require.Empty(t, m.Series())
	for range 3 {
		m.Observe(request(200, "", 3*time.Millisecond))
	}
	m.Observe(request(503, "UF,URX", 20*time.Millisecond))
	gone := request(0, "DC", time.Second)
	gone.Tries = make([]observe.Try, 2)
	m.Observe(gone)
	limited := request(429, "RL", 0)
	limited.Destination, limited.Limit = nil, "10 per 1s"
	m.Observe(limited)
	copied := request(200, "", 0)
	copied.Mirror = true
	m.Observe(copied)

	list := m.Series()
	require.Len(t, list, 2)
	own, cart := list[0], list[1]
	require.Equal(t, uint64(1), own.Limited)
	require.Equal(t, uint64(1), own.Requests())
	require.Equal(t, []Result{{0, "DC", "", "http", 1}, {200, "", "", "http", 3}, {503, "UF,URX", "", "http", 1}}, cart.Results)
	require.Equal(t, uint64(5), cart.Requests())
	require.Equal(t, uint64(2), cart.Failures())
	require.Equal(t, uint64(2), cart.Retries)
	require.Equal(t, uint64(50), cart.RequestSizes.Sum)
	require.Equal(t, uint64(5), cart.RequestSizes.Count)
	require.Equal(t, uint64(5), cart.RequestSizes.Buckets[3], "up to 10 bytes")
	require.Equal(t, uint64(500), cart.ResponseSizes.Sum)
	require.Equal(t, uint64(5), cart.ResponseSizes.Buckets[6], "up to 100 bytes")
	require.Equal(t, *to("v1"), cart.Destination)
	require.Equal(t, uint64(5), cart.Duration.Count)
	require.Equal(t, 1029*time.Millisecond, cart.Duration.Sum)
}

// What clients and backends send cannot add series without end.
func TestSeriesAreBounded(t *testing.T) {
	m := Metrics{MaxSeries: 10}
	for i := range 100 {
		o := request(200, "", 0)
		o.Route = fmt.Sprint(i) // as after a hundred changes of the configuration
		m.Observe(o)
	}
	list := m.Series()
	require.Len(t, list, 11)
	other := list[len(list)-1]
	for _, s := range list {
		if s.VirtualService == "other" {
			other = s
		}
	}
	require.Equal(t, uint64(90), other.Requests())

	var n Metrics
	for i := range 100_000 {
		o := request(i, "", 0)
		o.Path, o.Authority, o.Method, o.GRPCStatus = fmt.Sprint("/", i), fmt.Sprint(i, ".test"), fmt.Sprint("M", i), fmt.Sprint(i)
		n.Observe(o)
	}
	require.Len(t, n.Series(), 1)
	require.Less(t, len(n.Series()[0].Results), 700)
}

func TestConcurrentObservers(t *testing.T) {
	var m Metrics
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 1000 {
				m.Observe(request(200+j%3+i%2, "", time.Millisecond))
			}
		})
	}
	group.Wait()
	list := m.Series()
	require.Len(t, list, 1)
	require.Equal(t, uint64(8000), list[0].Requests())
	require.Equal(t, uint64(8000), list[0].Duration.Count)
}

func TestSizeBuckets(t *testing.T) {
	for n, want := range map[int64]float64{-1: 0.5, 0: 0.5, 1: 1, 2: 5, 5: 5, 6: 10, 10_000: 10_000, 10_001: 30_000, 3_600_000: 3_600_000} {
		require.Equal(t, want, SizeBounds[sizeBucket(n)], n)
	}
	require.Equal(t, len(SizeBounds), sizeBucket(3_600_001))
	sum := Sizes{Count: 1, Sum: 2}
	sum.Add(&Sizes{Buckets: [len(SizeBounds) + 1]uint64{3: 1}, Count: 4, Sum: 5})
	require.Equal(t, Sizes{Buckets: [len(SizeBounds) + 1]uint64{3: 1}, Count: 5, Sum: 7}, sum)
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	require.Zero(t, h.Quantile(0.5))
	require.Zero(t, h.Mean())
	h.Buckets[2], h.Count, h.Sum = 100, 100, 300*time.Millisecond // 1 to 5 ms
	require.Equal(t, 3*time.Millisecond, h.Quantile(0.5))
	require.Equal(t, 5*time.Millisecond, h.Quantile(1))
	require.Equal(t, 3*time.Millisecond, h.Mean())
	h.Buckets[len(Bounds)], h.Count = 100, 200
	require.Equal(t, time.Hour, h.Quantile(0.99), "above all bounds")
	earlier := h
	h.Buckets[0], h.Count = 7, 207
	since := h.Sub(&earlier)
	require.Equal(t, uint64(7), since.Count)
	require.Equal(t, uint64(7), since.Buckets[0])
}

func TestPrometheus(t *testing.T) {
	var m Metrics
	m.Observe(request(200, "", 3*time.Millisecond))
	m.Observe(request(200, "", 7*time.Millisecond))
	m.Observe(&observe.Outcome{Listener: "0.0.0.0_80", Status: 404, Flags: "NR"})
	odd := request(200, "", 0)
	odd.Route = "a\"b\\c\nd"
	m.Observe(odd)
	var out bytes.Buffer
	require.NoError(t, m.WritePrometheus(&out))
	text := out.String()
	const cart = `reporter="source",source_workload="lateen",source_workload_namespace="unknown",source_app="lateen",destination_service="cart.default.svc.cluster.local",destination_service_name="cart",destination_service_namespace="default",destination_workload="unknown",destination_workload_namespace="default",destination_version="v1",connection_security_policy="unknown"`
	for _, line := range []string{
		"# TYPE istio_requests_total counter",
		`istio_requests_total{` + cart + `,request_protocol="http",response_code="200",grpc_response_status="",response_flags="-"} 3`,
		`istio_request_duration_milliseconds_bucket{` + cart + `,le="5"} 2`,
		`istio_request_duration_milliseconds_bucket{` + cart + `,le="10"} 3`,
		`istio_request_duration_milliseconds_bucket{` + cart + `,le="+Inf"} 3`,
		`istio_request_duration_milliseconds_sum{` + cart + `} 10`,
		`istio_request_duration_milliseconds_count{` + cart + `} 3`,
		`istio_response_bytes_sum{` + cart + `} 300`,
		`lateen_route_requests_total{listener="0.0.0.0_80",virtual_service="default/shop",route="a\"b\\c\nd",destination="outbound|80|v1|cart.default.svc.cluster.local"} 1`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.Contains(t, text, `destination_service="unknown"`)
}

func TestSizes(t *testing.T) {
	require.Zero(t, unsafe.Sizeof(distribution{})%64, "stripes do not share a cache line")
	require.Equal(t, uintptr(64), unsafe.Sizeof(counter{}))
}

func BenchmarkObserve(b *testing.B) {
	var m Metrics
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		o := request(200, "", 3*time.Millisecond)
		for pb.Next() {
			m.Observe(o)
		}
	})
}

// Observing allocates nothing once a series exists.
func TestObserveDoesNotAllocate(t *testing.T) {
	var m Metrics
	o := request(200, "", time.Millisecond)
	m.Observe(o)
	require.Zero(t, testing.AllocsPerRun(100, func() { m.Observe(o) }))
}
