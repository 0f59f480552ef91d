package redislimit

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func BenchmarkLimit(b *testing.B) {
	s := startServer(b)
	for _, algorithm := range []struct {
		name string
		ratelimit.Algorithm
	}{{"gcra", ratelimit.AlgorithmGCRA}, {"window", ratelimit.AlgorithmFixedWindow}} {
		for _, n := range []int{1, 3} {
			request := ratelimit.Request{Domain: "shop/limits", Hits: 1}
			for i := range n {
				request.Descriptors = append(request.Descriptors, ratelimit.Descriptor{
					Entries: []ratelimit.Entry{{Key: "x-user", Value: strconv.Itoa(i)}}, Requests: 1000, Unit: time.Minute, Algorithm: algorithm.Algorithm,
				})
			}
			for _, parallel := range []int{1, 64} {
				b.Run(algorithm.name+"/"+strconv.Itoa(n)+"/parallel="+strconv.Itoa(parallel), func(b *testing.B) {
					l := New(newClient(b, "redis://"+s.address+"?pool_size="+strconv.Itoa(2*parallel)), Options{})
					ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
					defer cancel()
					_, err := l.Limit(ctx, request)
					require.NoError(b, err)
					b.ReportAllocs()
					if parallel == 1 {
						for b.Loop() {
							if _, err := l.Limit(ctx, request); err != nil {
								b.Fatal(err)
							}
						}
						return
					}
					b.SetParallelism(parallel / 2)
					b.RunParallel(func(p *testing.PB) {
						for p.Next() {
							if _, err := l.Limit(ctx, request); err != nil {
								b.Error(err)
								return
							}
						}
					})
				})
			}
		}
	}
}
