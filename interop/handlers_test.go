package interop

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// A front is a way to a handler in the process, through a gateway.
type front struct {
	// url is that of the gateway, with the scheme http or https.
	url    string
	client *http.Client
	config *tls.Config // nil for plain text
}

func (f front) address() string { return f.url[strings.Index(f.url, "//")+2:] }

// everyFront runs test with a handler behind each server of HTTP/1.1, in plain text and over TLS, over
// HTTP/1.1 and HTTP/2. Nothing may be left when it ends.
func everyFront(t *testing.T, handler http.Handler, test func(t *testing.T, f front)) {
	for engine, name := range map[server.Engine]string{server.EngineLateen: "Lateen", server.EngineNetHTTP: "net http"} {
		for _, secure := range []bool{false, true} {
			for _, protocol := range []string{"HTTP 1.1", "HTTP 2"} {
				t.Run(fmt.Sprintf("%s, TLS %v, %s", name, secure, protocol), func(t *testing.T) {
					before := goleak.IgnoreCurrent()
					t.Cleanup(func() { goleak.VerifyNone(t, before) })
					f := inFront(t, engine, secure, handler)
					transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: f.config.Clone(), DisableCompression: true}
					transport.Protocols.SetHTTP1(protocol == "HTTP 1.1")
					transport.Protocols.SetHTTP2(protocol == "HTTP 2")
					transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP 2" && !secure)
					t.Cleanup(transport.CloseIdleConnections)
					f.client = &http.Client{Transport: transport, Timeout: patience}
					test(t, f)
				})
			}
		}
	}
}

// inFront serves a gateway in front of a handler.
func inFront(t *testing.T, engine server.Engine, secure bool, handler http.Handler) front {
	b := gateway.New().Backend("app", handler).Route(everything("app"))
	port, config := 80, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}, Engine: engine}
	f := front{url: "http://"}
	if secure {
		certificate, pool := selfSigned(t)
		f.url, f.config = "https://", &tls.Config{RootCAs: pool, ServerName: "a.test"}
		port, config.Addresses = 443, map[int]string{443: "127.0.0.1:0"}
		config.Credentials = map[string]gateway.Credential{"a": {Certificate: certificate}}
		b.Server(spec.Server{Port: 443, Protocol: "HTTPS", Hosts: []string{"*"}, TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "a"}})
	} else {
		b.Server(spec.Server{Port: 80, Hosts: []string{"*"}})
	}
	gw, err := b.Build()
	require.NoError(t, err)
	s := server.New(gw, config)
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx), "requests did not end")
		require.NoError(t, gw.Close())
	})
	f.url += s.Addr(port).String()
	return f
}

func selfSigned(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a.test"}, DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// said returns the status and the body of an answer.
func (f front) said(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, f.url+path, strings.NewReader(body))
	require.NoError(t, err)
	response, err := f.client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// echoes answers with what it got.
func echoes(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%s %s %q %v", r.Method, r.URL.Path, body, err)
}

func TestRouterAsHandler(t *testing.T) {
	router := chi.NewRouter()
	router.Get("/items/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, chi.URLParam(r, "id")) })
	router.Post("/*", echoes)
	everyFront(t, router, func(t *testing.T, f front) {
		for range 3 {
			status, body := f.said(t, "GET", "/items/7", "")
			require.Equal(t, "200 7", fmt.Sprint(status, " ", body))
			status, body = f.said(t, "POST", "/x", "hello")
			require.Equal(t, `200 POST /x "hello" <nil>`, fmt.Sprint(status, " ", body))
			status, _ = f.said(t, "DELETE", "/items/7", "")
			require.Equal(t, 405, status)
		}
	})
}

func TestTimeoutHandler(t *testing.T) {
	slow := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		echoes(w, r)
	}), 50*time.Millisecond, "too slow")
	// Only the slow path depends on the time: others get an hour.
	quick := http.TimeoutHandler(http.HandlerFunc(echoes), time.Hour, "")
	everyFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			slow.ServeHTTP(w, r)
			return
		}
		quick.ServeHTTP(w, r)
	}), func(t *testing.T, f front) {
		for range 2 {
			status, body := f.said(t, "POST", "/slow", "hello")
			require.Equal(t, "503 too slow", fmt.Sprint(status, " ", body))
			status, body = f.said(t, "POST", "/x", "hello")
			require.Equal(t, `200 POST /x "hello" <nil>`, fmt.Sprint(status, " ", body))
		}
	})
}

func TestReverseProxyAsHandler(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(echoes))
	t.Cleanup(backend.Close)
	to, err := url.Parse(backend.URL)
	require.NoError(t, err)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	everyFront(t, proxy, func(t *testing.T, f front) {
		defer transport.CloseIdleConnections()
		for _, length := range []int{0, 5, 1 << 20} {
			body := strings.Repeat("x", length)
			status, got := f.said(t, "POST", "/x", body)
			require.Equal(t, 200, status)
			require.True(t, got == fmt.Sprintf(`POST /x %q <nil>`, body), "a body of %d bytes came back changed", length)
		}
	})
}

func TestTracedHandler(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	t.Cleanup(func() { require.NoError(t, provider.Shutdown(context.Background())) })
	traced := otelhttp.NewHandler(http.HandlerFunc(echoes), "echo", otelhttp.WithTracerProvider(provider))
	everyFront(t, traced, func(t *testing.T, f front) {
		spans.Reset()
		status, body := f.said(t, "POST", "/x", "hello")
		require.Equal(t, `200 POST /x "hello" <nil>`, fmt.Sprint(status, " ", body))
		require.Eventually(t, func() bool { return len(spans.GetSpans()) == 1 }, patience, time.Millisecond, "the span ends after the answer")
	})
}

// Each event arrives before the next one is sent, and the handler is told when the client leaves.
func TestServerSentEvents(t *testing.T) {
	next, gone := make(chan int), make(chan struct{})
	events := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case n := <-next:
				_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				gone <- struct{}{}
				return
			}
		}
	})
	everyFront(t, events, func(t *testing.T, f front) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", f.url+"/", nil)
		require.NoError(t, err)
		response, err := f.client.Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		in := bufio.NewReader(response.Body)
		for n := range 20 {
			next <- n
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("data: %d\n", n), line)
			_, err = in.ReadString('\n')
			require.NoError(t, err)
		}
		cancel()
		select {
		case <-gone:
		case <-time.After(patience):
			require.Fail(t, "the handler is not told")
		}
	})
}

func TestWebSocketAsHandler(t *testing.T) {
	everyFront(t, http.HandlerFunc(echo), func(t *testing.T, f front) {
		if f.client.Transport.(*http.Transport).Protocols.HTTP1() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(f.url, "http"), &websocket.DialOptions{HTTPClient: &http.Client{Transport: f.client.Transport}})
			require.NoError(t, err)
			defer conn.CloseNow()
			conn.SetReadLimit(2 << 20)
			for _, length := range []int{0, 125, 65536, 1 << 20} {
				sent := strings.Repeat("x", length)
				require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte(sent)))
				_, got, err := conn.Read(ctx)
				require.NoError(t, err)
				require.True(t, sent == string(got), "a message of %d bytes came back changed", length)
			}
			require.NoError(t, conn.Close(websocket.StatusNormalClosure, ""))
		}
	})
}

// gRPC's server is a handler, too. It needs HTTP/2.
func TestGRPCAsHandler(t *testing.T) {
	s := grpc.NewServer()
	testpb.RegisterTestServiceServer(s, interop.NewTestServer())
	t.Cleanup(s.Stop)
	everyFront(t, s, func(t *testing.T, f front) {
		if f.client.Transport.(*http.Transport).Protocols.HTTP1() {
			status, _ := f.said(t, "POST", "/grpc.testing.TestService/EmptyCall", "")
			require.Equal(t, http.StatusUnsupportedMediaType, status)
			return
		}
		if f.config == nil {
			for _, c := range interopCases {
				t.Run(c.name, func(t *testing.T) { runInterop(t, dialGRPC(t, f.address()), c.run) })
			}
			return
		}
		conn, err := grpc.NewClient("passthrough:///"+f.address(), grpc.WithTransportCredentials(credentials.NewTLS(f.config)))
		require.NoError(t, err)
		defer conn.Close()
		for _, c := range interopCases {
			t.Run(c.name, func(t *testing.T) { runInterop(t, conn, c.run) })
		}
	})
}
