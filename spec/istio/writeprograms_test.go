package istio_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// pick returns one of several values.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// some returns up to n values.
func some[T any](r *rand.Rand, n int, of func() T) []T {
	var out []T
	for range r.IntN(n + 1) {
		out = append(out, of())
	}
	return out
}

// randomProgram returns random declarations that have a program. Names, hosts and ages are
// few, so that what is declared meets: the order in which it counts is a part of the
// program.
func randomProgram(r *rand.Rand) spec.Declarations {
	var d spec.Declarations
	created := func() time.Time { return pick(r, time.Time{}, time.Unix(1, 0), time.Unix(2, 0)) }
	namespace := func() string { return pick(r, "default", "default", "shop", "istio-system") }
	host := func() string { return pick(r, "*", "shop.test", "*.test", "a.shop.test", "blog.test") }
	names := map[string]bool{}
	name := func(kind, namespace string) string {
		for {
			name := fmt.Sprint(pick(r, "a", "b", "shop"), r.IntN(100))
			if key := kind + "/" + namespace + "/" + name; !names[key] {
				names[key] = true
				return name
			}
		}
	}
	var gateways []string
	for range 1 + r.IntN(3) {
		in, at := namespace(), created()
		gateway := name("Gateway", in)
		gateways = append(gateways, in+"/"+gateway)
		for i := range 1 + r.IntN(2) {
			port := pick(r, 80, 8080)
			d.Servers = append(d.Servers, spec.Server{
				Gateway: gateway, Namespace: in, Created: at, Port: port, PortName: fmt.Sprintf("http-%d-%d", port, i), Protocol: spec.ProtocolHTTP,
				Hosts: append(some(r, 1, host), pick(r, "*", "*/*.test", "shop.test")),
			})
		}
	}
	text := func() spec.StringMatch {
		return pick(r, spec.Exact("/a"), spec.Prefix("/"), spec.Prefix("/a"), spec.Regex("/[a-c]+"), spec.StringMatch{})
	}
	limits := func() []spec.RateLimit {
		return append(some(r, 1, func() spec.RateLimit {
			return spec.RateLimit{Requests: 1 + r.IntN(9), Unit: pick(r, time.Second, time.Minute, time.Hour), Provider: spec.DefaultProvider, Per: some(r, 1, func() spec.LimitKey { return spec.LimitKey{Header: "x-user"} })}
		}), spec.RateLimit{Requests: 1 + r.IntN(99), Unit: time.Minute, Provider: spec.DefaultProvider})
	}
	for range 1 + r.IntN(4) {
		in := namespace()
		vs := spec.VirtualService{Name: name("VirtualService", in), Namespace: in, Created: created(), Hosts: []string{host()}, Gateways: gateways[:1+r.IntN(len(gateways))]}
		for i := range 1 + r.IntN(3) {
			route := spec.Route{Name: pick(r, "", fmt.Sprint("r", i)), Match: some(r, 2, func() spec.Match {
				m := spec.Match{URI: text(), Port: pick(r, 0, 0, 80)}
				if r.IntN(3) == 0 {
					m.Headers = map[string]spec.StringMatch{"x-user": pick(r, spec.Exact("a"), spec.StringMatch{})}
				}
				return m
			})}
			switch r.IntN(6) {
			case 0:
				route.Redirect = &spec.Redirect{URI: "/other", Code: pick(r, 301, 307)}
			case 1:
				route.DirectResponse = &spec.DirectResponse{Status: 200, Body: []byte("hello\n")}
			default:
				route.Destinations = append(some(r, 1, func() spec.Destination { return spec.Destination{Host: "b", Port: 80, Weight: r.IntN(9)} }), spec.Destination{Host: pick(r, "a", "b"), Port: 80, Weight: 1, Subset: pick(r, "", "v1")})
				route.Timeout = pick(r, 0, time.Second, 1500*time.Millisecond)
				if r.IntN(2) == 0 {
					route.Retry = &spec.Retry{Attempts: r.IntN(3), On: some(r, 2, func() string { return pick(r, "5xx", "503", "reset") })}
				}
				route.Headers.Request.Set = pick(r, nil, map[string]string{"x-a": "1"})
			}
			vs.Routes = append(vs.Routes, route)
			if route.Name != "" && r.IntN(4) == 0 {
				d.RateLimits = append(d.RateLimits, spec.RateLimitPolicy{
					Name: name("RateLimitConfig", in), Namespace: in, Created: created(), Limits: limits(), Inheritance: spec.LimitInheritance(r.IntN(3)),
					Targets: []spec.TargetRef{{Kind: "VirtualService", Name: vs.Name, SectionName: pick(r, "", route.Name)}},
				})
			}
		}
		d.VirtualServices = append(d.VirtualServices, vs)
	}
	for range r.IntN(3) {
		in := namespace()
		d.RateLimits = append(d.RateLimits, spec.RateLimitPolicy{Name: name("RateLimitConfig", in), Namespace: in, Created: created(), Limits: limits(), Inheritance: spec.LimitInheritance(r.IntN(3))})
	}
	for range r.IntN(4) {
		in := namespace()
		full := pick(r, "a", "b") + "." + pick(r, "default", "shop") + ".svc.cluster.local"
		d.Services = append(d.Services, spec.Service{
			Name: name("ServiceEntry", in), Namespace: in, Created: created(), Hosts: []string{full}, Resolution: spec.ResolveStatic,
			Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: spec.ProtocolHTTP}}, Endpoints: []spec.Endpoint{{Address: fmt.Sprint("10.0.0.", r.IntN(9)), Labels: pick(r, nil, map[string]string{"version": "v1"})}},
		})
		in = namespace()
		d.DestinationRules = append(d.DestinationRules, spec.DestinationRule{
			Name: name("DestinationRule", in), Namespace: in, Created: created(), Host: full,
			Subsets: []spec.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}}, TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{Simple: spec.SimpleBalancer(r.IntN(3))}},
		})
	}
	r.Shuffle(len(d.VirtualServices), func(i, j int) {
		d.VirtualServices[i], d.VirtualServices[j] = d.VirtualServices[j], d.VirtualServices[i]
	})
	r.Shuffle(len(d.RateLimits), func(i, j int) { d.RateLimits[i], d.RateLimits[j] = d.RateLimits[j], d.RateLimits[i] })
	return d
}

// decisions returns what some requests get.
func decisions(gw *gateway.Gateway) string {
	out := ""
	for _, l := range gw.Listeners() {
		for _, url := range []string{"http://shop.test/a", "http://a.shop.test/a/b", "http://blog.test/", "http://other/abc"} {
			for _, user := range []string{"", "a"} {
				r := httptest.NewRequest("GET", url, nil)
				if user != "" {
					r.Header.Set("x-user", user)
				}
				d := l.Decide(r)
				text, err := json.Marshal(d)
				if err != nil {
					panic(err)
				}
				out += url + " " + string(text) + "\n"
			}
		}
	}
	return out
}

// TestWriteRandomPrograms: reading what was written is the identity on programs: on how
// they are printed, and on their decisions. LATEEN_ROUNDS says how many are tried.
func TestWriteRandomPrograms(t *testing.T) {
	rounds := 300
	if text, ok := os.LookupEnv("LATEEN_ROUNDS"); ok {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		rounds = n
	}
	built := 0
	for seed := range rounds {
		d := randomProgram(rand.New(rand.NewPCG(uint64(seed), 2)))
		before, errBefore := gateway.New().Random(func() uint64 { return 0 }).Load(d).Build()
		text := write(t, &d, nil)
		after, errAfter := gateway.New().Random(func() uint64 { return 0 }).Load(istio.Text(text)).Build()
		require.Equal(t, errBefore == nil, errAfter == nil, "seed %d: %v, %v\n%s", seed, errBefore, errAfter, text)
		if errBefore != nil {
			continue
		}
		built++
		require.Equal(t, before.String(), after.String(), "seed %d\n%s", seed, text)
		require.Equal(t, decisions(before), decisions(after), "seed %d\n%s", seed, text)
		before.Close()
		after.Close()
	}
	require.Greater(t, built, rounds*2/3)
}
