package accesslog

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/observe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func outcome() *observe.Outcome {
	return &observe.Outcome{
		Start: time.Date(2026, 11, 27, 9, 30, 1, 234567890, time.UTC), Duration: 12*time.Millisecond + 345*time.Microsecond, FirstByte: 11 * time.Millisecond,
		Method: "GET", Scheme: "https", Authority: "shop.test", Path: "/cart?x=1", Protocol: "HTTP/1.1",
		RequestID: "id-1", PeerAddress: "192.0.2.1:1234", ClientAddress: "198.51.100.7", LocalAddress: "10.0.0.1:443", ServerName: "shop.test", TLS: true,
		TLSState: &tls.ConnectionState{
			Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
			PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: "ann"}, DNSNames: []string{"ann.test"}}},
		},
		RequestHeader:  http.Header{"User-Agent": {"curl/8"}, "X-Forwarded-For": {"198.51.100.7", "192.0.2.1"}},
		ResponseHeader: http.Header{"X-Envoy-Upstream-Service-Time": {"10"}},
		Listener:       "0.0.0.0_443", VirtualHost: "shop.test", VirtualService: "default/shop", Route: "cart",
		Destination: &observe.Destination{Cluster: "outbound|80||cart.default.svc.cluster.local", Host: "cart.default.svc.cluster.local", Port: 80},
		Endpoint:    "10.0.0.7:8080", UpstreamProtocol: "HTTP/2", Status: 200, Details: "via_upstream", RequestBytes: 3, ResponseBytes: 42,
	}
}

func line(t *testing.T, format string, o *observe.Outcome) string {
	t.Helper()
	f, err := Text(format)
	require.NoError(t, err)
	text := string(f.append(nil, o))
	require.Equal(t, 1, strings.Count(text, "\n"))
	return strings.TrimSuffix(text, "\n")
}

func TestDefaultFormat(t *testing.T) {
	require.Equal(t, `[2026-11-27T09:30:01.234Z] "GET /cart?x=1 HTTP/1.1" 200 - 3 42 12 10 "198.51.100.7,192.0.2.1" "curl/8" "id-1" "shop.test" "10.0.0.7:8080"`,
		line(t, Default, outcome()))
	require.Equal(t, `[2026-11-27T09:30:01.000Z] "GET / HTTP/2" 404 NR 0 0 0 - "-" "-" "-" "a.test" "-"`, line(t, Default, &observe.Outcome{
		Start: time.Date(2026, 11, 27, 9, 30, 1, 0, time.UTC), Method: "GET", Path: "/", Protocol: "HTTP/2", Authority: "a.test", Status: 404, Flags: "NR",
	}))
}

func TestOperators(t *testing.T) {
	for format, want := range map[string]string{
		"plain 100%%":                                         "plain 100%",
		"%START_TIME(%Y %s)%":                                 "2026 1795771801",
		"%RESPONSE_CODE_DETAILS%":                             "via_upstream",
		"%RESPONSE_DURATION%":                                 "11",
		"%UPSTREAM_CLUSTER%":                                  "outbound|80||cart.default.svc.cluster.local",
		"%UPSTREAM_REQUEST_ATTEMPT_COUNT%":                    "1",
		"%ROUTE_NAME% %VIRTUAL_SERVICE%":                      "cart default/shop",
		"%LISTENER% %VIRTUAL_HOST%":                           "0.0.0.0_443 shop.test",
		"%REQUESTED_SERVER_NAME%":                             "shop.test",
		"%DOWNSTREAM_REMOTE_ADDRESS%":                         "198.51.100.7:0",
		"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%":                  "192.0.2.1:1234",
		"%UPSTREAM_PROTOCOL% %UPSTREAM_REMOTE_PORT%":          "HTTP/2 8080",
		"%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%":              "10.0.0.7",
		"%STREAM_ID% %TRACE_ID%":                              "id-1 -",
		"%PATH(NQ)% %QUERY_PARAM(x)%":                         "/cart 1",
		"%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER%":    "TLSv1.3 TLS_AES_128_GCM_SHA256",
		"%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_PEER_DNS_SAN%": "CN=ann ann.test",
		"%ENVIRONMENT(LATEEN_TEST_NONE)%":                     "-",
		"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%":            "198.51.100.7",
		"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%":             "10.0.0.1",
		"%DOWNSTREAM_LOCAL_PORT%":                             "443",
		"%REQ(:SCHEME)% %REQ(Host)%":                          "https shop.test",
		"%REQ(X-NONE?USER-AGENT)%":                            "curl/8",
		"%REQ(USER-AGENT):4%":                                 "curl",
		"%REQ(X-NONE)%":                                       "-",
		"%GRPC_STATUS% %RATE_LIMIT% %RESPONSE_FLAGS%":         "- - -",
		"%RESP(x-envoy-upstream-service-time)%":               "10",
		"%BYTES_RECEIVED%/%BYTES_SENT%":                       "3/42",
		"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%":     "192.0.2.1",
	} {
		require.Equal(t, want, line(t, format, outcome()), format)
	}
	for format, problem := range map[string]string{
		"%":                       `begins no operator`,
		"%REQ(a":                  `begins no operator`,
		"100 % sure":              `begins no operator`,
		"%REQ%":                   "needs the name of a header",
		"%PROTOCOL(x)%":           "takes no argument",
		"%ENVIRONMENT()%":         "names no variable",
		"%ENVIRONMENT%":           "needs an argument",
		"%PATH(X)%":               "is neither PATH(WQ)",
		"%DOWNSTREAM_TLS_VERSON%": "did you mean %DOWNSTREAM_TLS_VERSION%?",
		"%PROTOCL%":               "there is no operator %PROTOCL%; did you mean %PROTOCOL%?",
		"%START_TIME(%Q)%":        "unknown conversion",
	} {
		_, err := Text(format)
		require.ErrorContains(t, err, problem, format)
	}
}

// All operators of header values are operators of the access log.
func TestOperatorsOfHeaders(t *testing.T) {
	for _, name := range header.OperatorNames() {
		_, plain := Text("%" + name + "%")
		_, withArgument := Text("%" + name + "(WQ)%")
		require.True(t, plain == nil || withArgument == nil, "%s: %v, %v", name, plain, withArgument)
	}
}

// What a client sends cannot end a line, close a quote or hide text in a terminal.
func TestValuesAreEscaped(t *testing.T) {
	o := outcome()
	o.RequestHeader["User-Agent"] = []string{"a\"\r\nforged \\ \x1b[2J\x7fü"}
	require.Equal(t, `"a\x22\x0d\x0aforged \x5c \x1b[2J\x7fü"`, line(t, `"%REQ(USER-AGENT)%"`, o))

	f, err := JSON()
	require.NoError(t, err)
	text := f.append(nil, o)
	require.Equal(t, 1, bytes.Count(text, []byte("\n")))
	var parsed map[string]any
	require.NoError(t, json.Unmarshal(text, &parsed))
	require.Equal(t, o.RequestHeader["User-Agent"][0], parsed["user_agent"])
}

func TestJSON(t *testing.T) {
	f, err := JSON()
	require.NoError(t, err)
	require.Equal(t, `{"start_time":"2026-11-27T09:30:01.234Z","method":"GET","path":"/cart?x=1","protocol":"HTTP/1.1","response_code":200,"response_flags":null,`+
		`"response_code_details":"via_upstream","bytes_received":3,"bytes_sent":42,"duration":12,"upstream_service_time":"10","x_forwarded_for":"198.51.100.7,192.0.2.1",`+
		`"user_agent":"curl/8","request_id":"id-1","authority":"shop.test","upstream_host":"10.0.0.7:8080","upstream_cluster":"outbound|80||cart.default.svc.cluster.local",`+
		`"downstream_remote_address":"198.51.100.7:0","requested_server_name":"shop.test","route_name":"cart","virtual_service":"default/shop"}`+"\n", string(f.append(nil, outcome())))
	own, err := JSON(Field{"code", "%RESPONSE_CODE%"}, Field{"line", "%REQ(:METHOD)% %REQ(:PATH)%"}, Field{"host", "fixed"})
	require.NoError(t, err)
	require.Equal(t, `{"code":200,"line":"GET /cart?x=1","host":"fixed"}`+"\n", string(own.append(nil, outcome())))
	_, err = JSON(Field{"a", "%NONE%"})
	require.Error(t, err)
	o := outcome()
	o.Path = "/\xff\u2028"
	require.True(t, json.Valid(f.append(nil, o)))
}

func TestHeadersThatTheFormatReads(t *testing.T) {
	f, err := Text(Default)
	require.NoError(t, err)
	l := New(new(bytes.Buffer), f)
	defer l.Close()
	request, response := l.Headers()
	require.Equal(t, []string{"X-Envoy-Original-Path", "X-Forwarded-For", "User-Agent"}, request)
	require.Equal(t, []string{"X-Envoy-Upstream-Service-Time"}, response)
}

// Lines are written together, a moment after they came.
func TestLinesAreWrittenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		f, err := Text("%RESPONSE_CODE%")
		require.NoError(t, err)
		l := New(&out, f)
		l.Observe(outcome())
		l.Observe(outcome())
		l.Observe(&observe.Outcome{Mirror: true})
		time.Sleep(flushAfter + 1)
		synctest.Wait()
		require.Equal(t, "200\n200\n", out.String())
		l.Observe(outcome())
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		require.Equal(t, "200\n200\n200\n", out.String(), "Close writes the rest")
	})
}

// A stuckWriter takes nothing until it is freed.
type stuckWriter struct {
	free chan struct{}
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.free
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// A request never waits for the disk: lines beyond a bound are dropped and counted.
func TestSlowWriter(t *testing.T) {
	w := &stuckWriter{free: make(chan struct{})}
	f, err := Text(strings.Repeat("x", 1023))
	require.NoError(t, err)
	l := New(w, f)
	const n = 4 * maxBuffered / 1024
	for range n {
		l.Observe(outcome())
	}
	dropped := l.Dropped()
	require.Positive(t, dropped)
	require.LessOrEqual(t, dropped, uint64(n-maxBuffered/1024))
	close(w.free)
	require.NoError(t, l.Close())
	require.Equal(t, n-int(dropped), strings.Count(w.text.String(), "\n"))
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailingWriter(t *testing.T) {
	l := New(failingWriter{}, Format{})
	l.Observe(outcome())
	l.Observe(outcome())
	require.EqualError(t, l.Close(), "disk full")
	require.Equal(t, uint64(2), l.Dropped())
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f, err := Text("%RESPONSE_CODE%")
	require.NoError(t, err)
	l, err := Open(path, f)
	require.NoError(t, err)
	l.Observe(outcome())
	require.NoError(t, os.Rename(path, path+".1"))
	require.NoError(t, l.Reopen())
	l.Observe(outcome())
	l.Observe(outcome())
	require.NoError(t, l.Close())
	for name, want := range map[string]string{path + ".1": "200\n", path: "200\n200\n"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	_, err = Open(filepath.Join(path, "no"), f)
	require.Error(t, err)
	none := New(new(bytes.Buffer), f)
	require.NoError(t, none.Reopen())
	require.NoError(t, none.Close())
}

func TestConcurrentRequests(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, Format{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				l.Observe(outcome())
			}
		})
	}
	group.Wait()
	require.NoError(t, l.Close())
	require.Equal(t, 800, strings.Count(out.String(), "\n"))
}

func BenchmarkLogger(b *testing.B) {
	l := New(discard{}, Format{})
	defer l.Close()
	o := outcome()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Observe(o)
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
