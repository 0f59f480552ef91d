package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
)

// dynamic returns an Upstream for *.example.com.
func dynamic(t *testing.T, resolver Resolver) *Upstream {
	return newUpstream(t, Config{Resolution: DynamicDNS, Resolver: resolver, Endpoints: []Endpoint{{Address: "*.example.com:80"}}})
}

// requestFor returns a request with a Host header.
func requestFor(host string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = host
	return r
}

// known returns the names that u knows.
func known(u *Upstream) []string {
	var names []string
	u.names.names.Range(func(name, _ any) bool {
		names = append(names, name.(string))
		return true
	})
	slices.Sort(names)
	return names
}

// answerFor returns the answer to a request that never reaches a host.
func answerFor(u *Upstream, host string) string {
	w := httptest.NewRecorder()
	u.ServeHTTP(w, requestFor(host))
	return fmt.Sprint(w.Code, " ", w.Body)
}

const (
	unhealthy  = "503 no healthy upstream"
	unresolved = "503 DNS resolution failure"
	full       = "503 DNS cache overflow"
)

// The Host header chooses the host, within the wildcard.
func TestDynamicNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, row := range []struct {
		name, host, want string
	}{
		{"one label more", "a.example.com", "a.example.com"},
		{"two labels more", "b.a.example.com", "b.a.example.com"},
		{"in any case", "A.Example.COM", "a.example.com"},
		{"a port", "a.example.com:8443", "a.example.com"},
		{"no port", "a.example.com:", "a.example.com"},
		{"an underscore", "_a.example.com", "_a.example.com"},
		{"the longest label", long + ".example.com", long + ".example.com"},
		{"a longer label", long + "a.example.com", ""},
		{"the longest name", strings.Repeat("a.", 120) + "b.example.com", strings.Repeat("a.", 120) + "b.example.com"},
		{"a longer name", strings.Repeat("a.", 120) + "bb.example.com", ""},

		{"the domain itself", "example.com", ""},
		{"nothing more", ".example.com", ""},
		{"another domain", "a.example.org", ""},
		{"a domain that ends alike", "aexample.com", ""},
		{"the root", "a.example.com.", ""},
		{"an empty label", "a..example.com", ""},
		{"none", "", ""},
		{"an address", "127.0.0.1", ""},
		{"an address and a port", "169.254.169.254:80", ""},
		{"an IPv6 address", "[::1]:80", ""},
		{"an IPv6 address without brackets", "::1", ""},
		{"a user", "a@b.example.com", ""},
		{"another host before", "127.0.0.1:80/.example.com", ""},
		{"a zone", "fe80::1%.example.com", ""},
		{"a zero byte", "a\x00.example.com", ""},
		{"a letter that is not ASCII", "ä.example.com", ""},
		{"the wildcard", "*.example.com", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resolver := new(table)
				resolver.set(row.want, "10.0.0.1")
				u := dynamic(t, resolver)
				if row.want == "" {
					require.Equal(t, unhealthy, answerFor(u, row.host))
					require.Zero(t, resolver.asked())
					return
				}
				h, err := u.pick(requestFor(row.host), balance.Request{})
				require.NoError(t, err)
				require.Equal(t, "10.0.0.1:80", h.address.Load().address)
				require.Equal(t, []string{row.want}, known(u))
			})
		})
	}
}

// A wildcard may match a part of a label, which must not be empty.
func TestDynamicNamesOfPartialWildcard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, Config{Resolution: DynamicDNS, Resolver: new(anything), Endpoints: []Endpoint{{Address: "*-a.Example.com:80"}}})
		for host, want := range map[string]string{
			"b-a.example.com": unresolved, "c.b-a.example.com": unresolved,
			"-a.example.com": unhealthy, "a.example.com": unhealthy, "ba.example.com": unhealthy,
		} {
			require.Equal(t, want, answerFor(u, host), host)
		}
	})
}

// No wildcard matches an address.
func TestDynamicWildcards(t *testing.T) {
	for _, row := range []struct{ address, problem string }{
		{"*.example.com:80", ""},
		{"*.com:80", ""},
		{"*-a.example.com:80", ""},
		{"a.example.com:80", "is not a wildcard"},
		{"*:80", "is not a wildcard"},
		{"*.:80", "is not a wildcard"},
		{"*a.com:80", "is not a wildcard"},
		{"**.com:80", "is not a wildcard"},
		{"*.*.com:80", "is not a wildcard"},
		{"*.0.0.1:80", "is not a wildcard"},
		{"*.0.0x1:80", "is not a wildcard"},
		{"127.0.0.1:80", "is not a wildcard"},
		{"unix:/run/x.sock", "is not a number from 1 to 65535"},
		{"*.example.com", "expected host:port"},
		{"*.example.com:0", "is not a number from 1 to 65535"},
	} {
		u, err := New(Config{Resolution: DynamicDNS, Endpoints: []Endpoint{{Address: row.address}}})
		if row.problem != "" {
			require.ErrorContains(t, err, row.problem, row.address)
			continue
		}
		require.NoError(t, err, row.address)
		require.NoError(t, u.Close())
	}
	_, err := New(Config{Resolution: DynamicDNS, Endpoints: []Endpoint{{Address: "*.a.test:80"}, {Address: "*.b.test:80"}}})
	require.ErrorContains(t, err, "2 wildcards")
	u := newUpstream(t, Config{Resolution: DynamicDNS})
	require.Equal(t, unhealthy, answerFor(u, "a.example.com"))
}

// A name is looked up once for all waiting requests, again while it is used,
// and forgotten afterwards. Its address stays until there is another.
func TestDynamicLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(table)
		resolver.set("a.example.com", "10.0.0.2", "10.0.0.1")
		u := dynamic(t, resolver)
		where := func() string {
			h, err := u.pick(requestFor("a.example.com"), balance.Request{})
			require.NoError(t, err)
			h.release()
			return h.address.Load().address
		}
		var asking sync.WaitGroup
		for range 10 {
			asking.Go(func() { where() })
		}
		asking.Wait()
		require.Equal(t, 1, resolver.asked())
		require.Equal(t, "10.0.0.2:80", where(), "the first one")

		first, _ := u.names.find(t.Context(), "a.example.com")
		for _, row := range []struct{ answer, want string }{
			{"10.0.0.3", "10.0.0.3:80"}, {"fail", "10.0.0.3:80"}, {"unknown", "10.0.0.3:80"}, {"::1", "[::1]:80"},
		} {
			resolver.set("a.example.com", row.answer)
			time.Sleep(DefaultRefresh + lookupJitter)
			synctest.Wait()
			require.Equal(t, row.want, where(), row.answer)
		}
		again, _ := u.names.find(t.Context(), "a.example.com")
		require.Same(t, first.host.Load(), again.host.Load(), "with its connections")

		time.Sleep(unusedNameTTL)
		require.Len(t, known(u), 1)
		time.Sleep(DefaultRefresh + lookupJitter + 1)
		synctest.Wait()
		require.Empty(t, known(u))
		before := resolver.asked()
		time.Sleep(time.Hour)
		require.Equal(t, before, resolver.asked())
		require.Equal(t, "[::1]:80", where(), "found anew")
	})
}

// A TTL is used, but not a very short one.
func TestDynamicTTL(t *testing.T) {
	for _, row := range []struct{ ttl, want time.Duration }{
		{time.Second, shortestNameTTL}, {time.Minute, time.Minute}, {time.Hour, unusedNameTTL},
	} {
		synctest.Test(t, func(t *testing.T) {
			resolver := &timed{ttl: row.ttl}
			resolver.set("a.example.com", "10.0.0.1")
			u := dynamic(t, resolver)
			_, err := u.pick(requestFor("a.example.com"), balance.Request{})
			require.NoError(t, err)
			time.Sleep(row.want - 1)
			require.Equal(t, 1, resolver.asked(), row.ttl)
			_, _ = u.pick(requestFor("a.example.com"), balance.Request{})
			time.Sleep(lookupJitter + 1)
			synctest.Wait()
			require.Equal(t, 2, resolver.asked(), row.ttl)
		})
	}
}

// A name without an address gets that answer, without a lookup for each
// request.
func TestDynamicUnresolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(table)
		resolver.set("a.example.com", "fail")
		u := dynamic(t, resolver)
		for range 3 {
			require.Equal(t, unresolved, answerFor(u, "a.example.com"))
		}
		require.Equal(t, 1, resolver.asked())
		require.Len(t, u.names.barren, 1)
		resolver.set("a.example.com", "10.0.0.1")
		time.Sleep(DefaultRefresh + lookupJitter)
		synctest.Wait()
		require.Empty(t, u.names.barren)
		_, err := u.pick(requestFor("a.example.com"), balance.Request{})
		require.NoError(t, err)
	})
}

// An anything resolver knows every name.
type anything struct{ table }

func (r *anything) LookupTTL(context.Context, string, string) ([]netip.Addr, time.Duration, error) {
	found, err := r.table.LookupNetIP(context.Background(), "ip", "any")
	return found, 0, err
}

// The table of names is limited. Names without address make room; others do so
// only after a while without requests.
func TestDynamicNamesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(anything)
		resolver.set("any", "unknown")
		u := dynamic(t, resolver)
		ask := func(from, to int) {
			for i := from; i < to; i++ {
				_, _ = u.pick(requestFor(fmt.Sprintf("n%d.example.com", i)), balance.Request{})
			}
		}
		ask(0, 3*maxNames)
		synctest.Wait()
		require.Len(t, known(u), maxNames)

		resolver.set("any", "10.0.0.1")
		ask(10*maxNames, 11*maxNames)
		synctest.Wait()
		require.Len(t, known(u), maxNames)
		require.Empty(t, u.names.barren)
		require.Equal(t, maxNames, u.names.count)
		require.Equal(t, full, answerFor(u, "one.more.example.com"))
		_, err := u.pick(requestFor(fmt.Sprintf("n%d.example.com", 10*maxNames)), balance.Request{})
		require.NoError(t, err, "known")

		time.Sleep(unusedNameTTL + DefaultRefresh + lookupJitter)
		_, err = u.pick(requestFor("one.more.example.com"), balance.Request{})
		require.NoError(t, err)
		require.Len(t, known(u), 1)
	})
}

// The number of requests that wait for a first answer is limited, and they do
// not block others.
func TestDynamicWaitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := dynamic(t, hanging{})
		var waiting sync.WaitGroup
		for range maxNameWaits {
			waiting.Go(func() { answerFor(u, "a.example.com") })
		}
		synctest.Wait()
		require.Equal(t, "503 Dynamic forward proxy pending request overflow", answerFor(u, "a.example.com"))
		require.Equal(t, "503 Dynamic forward proxy pending request overflow", answerFor(u, "b.example.com"))
		require.Equal(t, unhealthy, answerFor(u, "a.example.org"))
		waiting.Wait()
		require.Equal(t, unresolved, answerFor(u, "a.example.com"))
		require.Zero(t, u.names.waits.Load())
	})
}

// A request stops waiting when its context ends.
func TestDynamicWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := dynamic(t, hanging{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := u.pick(requestFor("a.example.com").WithContext(ctx), balance.Request{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Close ends all lookups. A later request has its own lookup.
func TestDynamicClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(table)
		resolver.set("a.example.com", "10.0.0.1")
		u := dynamic(t, resolver)
		before, err := u.pick(requestFor("a.example.com"), balance.Request{})
		require.NoError(t, err)
		require.NoError(t, u.Close())
		require.True(t, before.gone.Load())
		require.Empty(t, known(u))
		later, err := u.pick(requestFor("a.example.com"), balance.Request{})
		require.NoError(t, err)
		require.True(t, later.gone.Load())
		require.Equal(t, unresolved, answerFor(u, "b.example.com"))
		require.Empty(t, known(u))
	})
}

// Hosts are ejected individually.
func TestDynamicEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(anything)
		resolver.set("any", "10.0.0.1")
		u := newUpstream(t, Config{
			Resolution: DynamicDNS, Resolver: resolver, Endpoints: []Endpoint{{Address: "*.example.com:80"}},
			Outliers: &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 50, BaseEjectionTime: time.Minute, Interval: time.Second},
		})
		a, err := u.pick(requestFor("a.example.com"), balance.Request{})
		require.NoError(t, err)
		_, err = u.pick(requestFor("b.example.com"), balance.Request{})
		require.NoError(t, err)
		a.monitor.Response(500)
		require.Equal(t, unhealthy, answerFor(u, "a.example.com"))
		_, err = u.pick(requestFor("b.example.com"), balance.Request{})
		require.NoError(t, err)
		time.Sleep(time.Minute + time.Second)
		_, err = u.pick(requestFor("a.example.com"), balance.Request{})
		require.NoError(t, err, "returned")

		a.monitor.Response(500)
		require.Equal(t, 1, u.detector.Ejected())
		time.Sleep(unusedNameTTL)
		a.monitor.Response(500)
		time.Sleep(DefaultRefresh + lookupJitter + 1)
		synctest.Wait()
		require.Empty(t, known(u))
		require.Zero(t, u.detector.Ejected(), "forgotten")
	})
}

// A request goes to the address of its name at the wildcard's port.
func TestDynamicServes(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		backends := map[string]string{}
		resolver := new(table)
		for name, ip := range map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"} {
			backends[ip+":80"] = httpBackend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, name, " for ", r.Host) })
			resolver.set(name+".example.com", ip)
		}
		c := to(transport, "*.example.com:80")
		c.Resolution, c.Resolver = DynamicDNS, resolver
		c.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", backends[address])
		}
		u := newUpstream(t, c)
		for _, row := range []struct{ host, want string }{
			{"a.example.com", "200 a for a.example.com"},
			{"b.example.com:1", "200 b for b.example.com:1"},
			{"c.example.com", unresolved},
			{"a.example.com", "200 a for a.example.com"},
		} {
			require.Equal(t, row.want, answerFor(u, row.host))
		}
	})
}

// A server must prove the requested name, whatever its address, and no
// connection is used for another name.
func TestDynamicTLS(t *testing.T) {
	address, roots := certified(t, x509.Certificate{DNSNames: []string{"a.example.com"}},
		func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.TLS.ServerName) })
	ip, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	everyWay(t, func(t *testing.T, c Config) {
		resolver := new(table)
		resolver.set("a.example.com", ip)
		resolver.set("b.example.com", ip)
		c.Resolution, c.Resolver, c.TLS = DynamicDNS, resolver, &tls.Config{RootCAs: roots}
		c.Endpoints = []Endpoint{{Address: "*.example.com:" + port}}
		u := newUpstream(t, c)
		require.Equal(t, "200 a.example.com", answerFor(u, "a.example.com"))
		require.Contains(t, answerFor(u, "b.example.com"), "CERTIFICATE_VERIFY_FAILED")
		require.Equal(t, "200 A.example.com", answerFor(u, "A.example.com:1"))
	})
}
