package gateway

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestSplitPicksEveryShareExactly(t *testing.T) {
	for _, row := range []struct {
		weights []int
		want    []int // how many of the residues 0 to total-1
	}{
		{[]int{90, 10}, []int{90, 10}},
		{[]int{1, 3}, []int{1, 3}},
		{[]int{0, 100}, []int{0, 100}},
		{[]int{100, 0}, []int{100, 0}},
		{[]int{0, 1, 0}, []int{0, 1, 0}},
		{[]int{1, 1, 1}, []int{1, 1, 1}},
		{[]int{5, 0, 7, 1}, []int{5, 0, 7, 1}},
		{[]int{0}, []int{1}},
		{[]int{7}, []int{1}},
	} {
		var drawn uint64
		b := New().Random(func() uint64 { return drawn })
		got := make([]int, len(row.weights))
		order := []int{}
		var split []spec.Destination
		total := 0
		for i, w := range row.weights {
			name := "v" + strconv.Itoa(i)
			split = append(split, spec.Destination{Host: name, Weight: w})
			total += w
			b.Backend(name, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got[i]++; order = append(order, i) }))
		}
		if len(row.weights) == 1 {
			total = 1
		}
		gw := built(t, b.Route(spec.Route{Destinations: split}))
		for drawn = range uint64(total) {
			serve(gw, testhttp.Request(t, "GET", "/"))
		}
		require.Equal(t, row.want, got, "%v", row.weights)
		require.IsNonDecreasing(t, append(order, len(order)), "shares are in order")
		for _, far := range []uint64{uint64(total), 1<<64 - 1, 1 << 63} {
			drawn = far
			serve(gw, testhttp.Request(t, "GET", "/"))
		}
		d := gw.Decide(testhttp.Request(t, "GET", "/"))
		for _, dest := range d.Destinations {
			require.Equal(t, max(total, 1), dest.Total)
		}
	}
}

func TestMissingDestinationKeepsItsShare(t *testing.T) {
	var drawn uint64
	gw := built(t, New().Random(func() uint64 { return drawn }).Backend("here", new(testhttp.Spy)).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "here", Weight: 50}, {Host: "missing", Weight: 50}}}))
	for drawn = range uint64(100) {
		want := 200
		if drawn >= 50 {
			want = 503
		}
		require.Equal(t, want, serve(gw, testhttp.Request(t, "GET", "/")).Code)
	}
}

func TestSplitAlone(t *testing.T) {
	counts := map[string]int{}
	count := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			counts[name+r.Header.Get("X-To")]++
			require.Equal(t, "host.com", r.Host)
		})
	}
	mw, err := Split([]spec.Destination{
		{Host: "shop", Subset: "v1", Weight: 1},
		{Host: "shop", Subset: "v2", Weight: 1},
		{Host: "shop", Port: 8080, Weight: 1},
		{Host: "other", Weight: 1, Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"x-to": "+header"}}, Response: spec.HeaderOperations{Set: map[string]string{"x-from": "other"}}}},
		{Weight: 1},
	}, map[string]http.Handler{
		"shop/v1": count("v1"), "shop": count("shop"), "shop:8080": count("8080"), "*": count("any"),
	})
	require.NoError(t, err)
	handler := mw(count("next"))
	const n = 5000
	from := 0
	for range n {
		r := testhttp.Request(t, "GET", "/")
		r.Host = "host.com"
		if serve(handler, r).Header().Get("X-From") == "other" {
			from++
		}
	}
	require.Len(t, counts, 5)
	require.Equal(t, from, counts["any+header"])
	for name, got := range counts {
		require.InDelta(t, n/5, got, n/20, name)
	}
}
