package validate

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

// words are the strings of random declarations. They are few, so that names are
// equal, and each is relevant to a rule.
var words = []string{
	"", "*", "a", "b", "a.test", "*.test", "*-a.test", "./a", "a/b", "*/*", "mesh", ".", "~", "/", "/a", "/a/", "/A", "a_b", "a:80",
	"10.0.0.1", "::1", "unix:///a", "unix://", "HTTP", "https", "TCP", "GET", "get", "(", ".*", "a+", `\1`, `\`, "%", "%%", "%REQ(a)%",
	"host", ":authority", ":path", ":", "x-a", "X-A", "x a", "X-Forwarded-For", "x-forwarded-proto", "@request.auth.claims.a", "5xx",
	"503", " 5xx", "UNAVAILABLE", "VirtualService", "Gateway", "TLSV1_2", "\x80", "\n", "ä.test", strings.Repeat("a", 1100),
}

var numbers = []int64{0, 0, 1, 2, 3, 80, 443, 200, 301, 304, 503, 599, 600, 65535, 65536, -1, 1000, 1e6, 1e9, 1 << 31, 1<<63 - 1, -1 << 63}

// fill sets v to a random value of its type, with at most this many levels.
func fill(r *rand.Rand, v reflect.Value, levels int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.String:
		v.SetString(words[r.IntN(len(words))])
	case reflect.Int, reflect.Int64:
		v.SetInt(numbers[r.IntN(len(numbers))])
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(8)))
	case reflect.Float64:
		v.SetFloat([]float64{0, 1, 100, 100.1, -1, 1e-5}[r.IntN(6)])
	case reflect.Pointer:
		if levels > 0 && r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), levels-1)
		}
	case reflect.Slice:
		if levels > 0 {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
			for i := range v.Len() {
				fill(r, v.Index(i), levels-1)
			}
		}
	case reflect.Map:
		if levels > 0 && r.IntN(3) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range r.IntN(4) {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(r, key, 0)
				fill(r, value, levels-1)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		if _, ok := v.Interface().(spec.PEM); ok {
			v.Set(reflect.ValueOf(spec.NewPEM([]byte(words[r.IntN(len(words))]))))
			return
		}
		if _, ok := v.Interface().(time.Time); ok {
			v.Set(reflect.ValueOf(time.Unix(int64(r.IntN(3)), 0)))
			return
		}
		for i := range v.NumField() {
			if r.IntN(3) > 0 {
				fill(r, v.Field(i), levels)
			}
		}
	}
}

// anyDeclarations are determined by their seed.
func anyDeclarations(seed uint64) spec.Declarations {
	var d spec.Declarations
	fill(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(&d).Elem(), 8)
	return d
}

// checkFindings checks what must be true for any declarations: validate ends, is
// deterministic, and writes a text for each finding.
func checkFindings(t *testing.T, seed uint64) int {
	d := anyDeclarations(seed)
	o := Options{DefaultNamespace: "default", Semantics: semantics.Mode(seed % 2), TrustedProxies: int(seed % 3)}
	found := validated(d, o)
	again := validated(d, o)
	require.Equal(t, found, again, "seed %d", seed)
	for _, line := range found {
		require.NotContains(t, line, "%!", "seed %d: a format and its arguments differ", seed)
		require.False(t, strings.HasSuffix(line, ": "), "seed %d: %s", seed, line)
	}
	return len(found)
}

func TestValidateAnyDeclarations(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	total := 0
	for seed := range uint64(n) {
		total += checkFindings(t, seed)
	}
	require.Greater(t, total, 10*n, "the declarations are too tame to find anything in")
}

func FuzzValidate(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { checkFindings(t, seed) })
}

// largeTables are tables of n valid routes, in realistic shapes.
func largeTables(n int) map[string]spec.Declarations {
	tables := make(map[string]spec.Declarations)
	of := func(match func(i int) spec.Match) spec.Declarations {
		routes := make([]spec.Route, n)
		for i := range routes {
			routes[i] = spec.Route{Match: []spec.Match{match(i)}, Destinations: []spec.Destination{{Host: fmt.Sprintf("backend-%d", i%100), Port: 8080}}}
		}
		return shop(routes...)
	}
	tables["prefixes"] = of(func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/service-%d/", i))} })
	tables["tenants"] = of(func(i int) spec.Match {
		return spec.Match{URI: spec.Prefix("/api/"), Headers: map[string]spec.StringMatch{"x-tenant": spec.Exact(fmt.Sprintf("tenant-%d", i))}}
	})
	tables["predicates"] = of(func(i int) spec.Match {
		return spec.Match{URI: spec.Prefix(fmt.Sprintf("/service-%d/", i/4)), QueryParams: map[string]spec.StringMatch{"v": spec.Exact(fmt.Sprint(i % 4))}}
	})
	tables["lengths"] = of(func(i int) spec.Match {
		return spec.Match{URI: spec.Prefix("/" + strings.Repeat("x", i%100) + fmt.Sprintf("%06d/", i))}
	})
	hosts := shop()
	hosts.Servers[0].Hosts = make([]string, n)
	hosts.VirtualServices = make([]spec.VirtualService, n)
	for i := range n {
		host := fmt.Sprintf("host-%d.test", i)
		hosts.Servers[0].Hosts[i] = host
		hosts.VirtualServices[i] = spec.VirtualService{Name: fmt.Sprintf("vs-%d", i), Hosts: []string{host}, Gateways: []string{"gw"}, Routes: []spec.Route{{Destinations: toCart}}}
	}
	tables["hosts"] = hosts
	mixed := shop()
	mixed.VirtualServices = append(tables["prefixes"].VirtualServices[:1:1], hosts.VirtualServices...)
	tables["one large and many small"] = mixed
	one := shop(spec.Route{Destinations: toCart})
	one.Servers[0].Hosts = []string{"*.test"}
	one.VirtualServices[0].Hosts = make([]string, n)
	for i := range n {
		one.VirtualServices[0].Hosts[i] = fmt.Sprintf("host-%d.test", i)
	}
	tables["hosts of one"] = one
	return tables
}

// Four times the declarations cost about four times as much; comparing in pairs
// would cost sixteen times as much. The minimum of several interleaved turns
// counts.
func TestValidateIsNearLinear(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 2500
	}
	small, large := largeTables(n), largeTables(4*n)
	for name := range small {
		least := [2]time.Duration{time.Hour, time.Hour}
		// A turn validates the small ones four times, so that a busy machine
		// disturbs both equally. More turns follow if the first are disturbed.
		for turn := 0; turn < 5 || turn < 50 && float64(least[1]) >= 2.5*float64(least[0]); turn++ {
			for i, d := range []spec.Declarations{small[name], large[name]} {
				start := time.Now()
				for range 4 - 3*i {
					require.Empty(t, validated(d, Options{}), name)
				}
				least[i] = min(least[i], time.Since(start))
			}
		}
		require.Less(t, float64(least[1])/float64(least[0]), 2.5, name)
	}
}

// A valid route costs no more than the data that is kept about it.
func TestValidRoutesCostFewAllocations(t *testing.T) {
	const n = 10_000
	d := largeTables(n)["prefixes"]
	allocations := testing.AllocsPerRun(5, func() {
		var f findings.List
		All(&d, Options{DefaultNamespace: "default"}, &f)
	})
	require.Less(t, allocations/n, 2.1+raceAllocations)
}

func BenchmarkValidate(b *testing.B) {
	for name, d := range largeTables(10_000) {
		b.Run("routes=10000/shape="+strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var f findings.List
				All(&d, Options{DefaultNamespace: "default"}, &f)
				runtime.KeepAlive(f)
			}
		})
	}
}
