package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A product is a version of the product service. It answers with its name and
// what it got.
func product(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Got-Proto"] = r.Header["X-Forwarded-Proto"]
		w.Header().Set("X-Got-Target", r.RequestURI)
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// client returns a client that follows no redirect.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

func serveProduct(t *testing.T, args ...string) *serving {
	return serve(t, append([]string{
		"-f", "product.yaml", "--listen", "80=127.0.0.1:0",
		"--backend", "product-service.default.svc.cluster.local:8080=" + product(t, "v1"),
		"--backend", "product-service-v2=" + product(t, "v2"),
	}, args...)...)
}

func TestServeTheProductGateway(t *testing.T) {
	tests := []struct {
		semantics, target string
		proto             []string
		table             string
	}{
		{"native", "/1?x=1", []string{"https"}, "product.native.txt"},
		{"envoy", "//1?x=1", []string{"http", "https"}, "product.envoy.txt"},
	}
	for _, tt := range tests {
		t.Run(tt.semantics, func(t *testing.T) {
			s := serveProduct(t, "--semantics", tt.semantics)
			c := client(t)
			base := "http://" + s.addresses["80"]
			versions := map[string]int{}
			for range 60 {
				response, err := c.Get(base + "/products/1?x=1")
				require.NoError(t, err)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				response.Body.Close()
				require.Equal(t, 200, response.StatusCode)
				require.Equal(t, tt.target, response.Header.Get("X-Got-Target"))
				require.Equal(t, tt.proto, response.Header["X-Got-Proto"])
				versions[string(body)]++
			}
			require.Greater(t, versions["v1"], versions["v2"])

			response, err := c.Get(base + "/other")
			require.NoError(t, err)
			drainAndClose(response.Body)
			require.Equal(t, 404, response.StatusCode)

			for range 2000 {
				response, err = c.Get(base + "/products")
				require.NoError(t, err)
				drainAndClose(response.Body)
				if response.StatusCode != 200 {
					break
				}
			}
			require.Equal(t, 429, response.StatusCode)
			wait, err := strconv.Atoi(response.Header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, wait)

			s.signal(syscall.SIGTERM)
			table := s.rest()
			require.Zero(t, s.exit())
			golden := filepath.Join("testdata", tt.table)
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(table), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), table)
			require.Contains(t, s.stderr.String(), "warning: product.yaml:32:12: ")
		})
	}
}

func TestServeWithoutBackends(t *testing.T) {
	s := serve(t, "-f", "product.yaml", "--listen", "80=127.0.0.1:0")
	response, err := client(t).Get("http://" + s.addresses["80"] + "/products")
	require.NoError(t, err)
	drainAndClose(response.Body)
	require.Equal(t, 503, response.StatusCode)
	s.signal(syscall.SIGINT)
	require.Zero(t, s.exit())
}

// A port that no Gateway has is an error: to serve the others all the same would
// open one that was not meant.
func TestServeOfAnUnknownPort(t *testing.T) {
	stdout, stderr, code := lateen(t, "", "serve", "-f", "product.yaml", "--listen", "81=127.0.0.1:0")
	require.Equal(t, exitUsage, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "--listen 81=127.0.0.1:0: no Gateway has port 81; the ports are 80\n")
}

func TestServeTLS(t *testing.T) {
	cert, key := certificate(t)
	s := serve(t, "-f", "shop.yaml", "--listen", "80=127.0.0.1:0", "--listen", "443=127.0.0.1:0", "--listen", "8080=127.0.0.1:0",
		"--credential", "shop="+cert+","+key, "--backend", "*="+product(t, "shop"))
	c := client(t)
	c.Transport.(*http.Transport).TLSClientConfig.ServerName = "shop.test"
	for _, tt := range []struct {
		url, host string
		status    int
		location  string
	}{
		{"https://" + s.addresses["443"] + "/hello", "shop.test", 200, ""},
		{"https://" + s.addresses["443"] + "/old/a", "shop.test", 308, "https://shop.test/new"},
		{"https://" + s.addresses["443"] + "/", "admin.test", 404, ""},
		{"http://" + s.addresses["80"] + "/a?b", "shop.test", 301, "https://shop.test/a?b"},
		{"http://" + s.addresses["8080"] + "/", "admin.test", 404, ""},
	} {
		r, err := http.NewRequest("GET", tt.url, nil)
		require.NoError(t, err)
		r.Host = tt.host
		response, err := c.Do(r)
		require.NoError(t, err)
		drainAndClose(response.Body)
		require.Equal(t, tt.status, response.StatusCode, tt.url)
		require.Equal(t, tt.location, response.Header.Get("Location"))
	}
}

// TestServeWithoutCertificate serves a TLS server only if clients can connect to it, or if
// that is allowed.
func TestServeWithoutCertificate(t *testing.T) {
	args := []string{"-f", "shop.yaml", "--listen", "80=127.0.0.1:0", "--listen", "443=127.0.0.1:0", "--listen", "8080=127.0.0.1:0"}
	const problem = `shop.yaml:12:41: Gateway shop/shop: spec.servers[1].tls.credentialName: there is no credential "shop": no client can connect`
	stdout, stderr, code := lateen(t, "", append([]string{"serve"}, args...)...)
	require.Equal(t, 2, code)
	require.Empty(t, stdout)
	require.Equal(t, problem+"\n--credential NAME=CERT,KEY registers a certificate, and --allow-broken-tls serves the other servers without it\n", stderr)

	s := serve(t, append(args, "--allow-broken-tls")...)
	_, err := tls.Dial("tcp", s.addresses["443"], &tls.Config{InsecureSkipVerify: true, ServerName: "shop.test"})
	require.Error(t, err)
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
	require.Contains(t, s.stderr.String(), "warning: "+problem)
}

// TestCheckReadsCertificates finds what serve would refuse. What is not there is a warning.
func TestCheckReadsCertificates(t *testing.T) {
	cert, key := certificate(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, row := range []struct {
		name, credential string
		code             int
		want             string
	}{
		{"registered", "shop=" + cert + "," + key, 0, "the certificate has no name for shop.test"},
		{"no key", "shop=" + cert + "," + cert, 2, "tls: found a certificate rather than a key in the PEM for the private key: no client can connect"},
		{"empty", "shop=" + empty + "," + key, 2, "failed to find any PEM data in certificate input: no client can connect"},
		{"no file", "shop=" + cert + ".none," + key, 0, "no such file or directory: no client can connect [IST0101]"},
		{"no certificate", "shop=,," + cert, 2, "it has no certificate: no client can connect"},
		{"staple", "shop=" + cert + "," + key + ",,," + empty, 0, "empty.pem is not used: it is not an OCSP response in DER form"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, stderr, code := lateen(t, "", "check", "-f", "shop.yaml", "--credential", row.credential)
			require.Equal(t, row.code, code, stderr)
			require.Contains(t, stderr, "shop.yaml:12:41: Gateway shop/shop: spec.servers[1].tls.credentialName: ")
			require.Contains(t, stderr, row.want)
		})
	}
}

func TestServeDrains(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "done")
	}))
	defer backend.Close()
	begin := func(t *testing.T, args ...string) (*serving, chan string) {
		s := serve(t, append([]string{"-f", "product.yaml", "--listen", "80=127.0.0.1:0", "--backend", "*=" + backend.URL}, args...)...)
		bodies := make(chan string, 1)
		c := client(t)
		go func() {
			response, err := c.Get("http://" + s.addresses["80"] + "/products")
			if err != nil {
				bodies <- "cut off"
				return
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			bodies <- string(body)
		}()
		<-arrived
		s.signal(syscall.SIGTERM)
		for {
			conn, err := net.Dial("tcp", s.addresses["80"])
			if err != nil {
				return s, bodies
			}
			conn.Close()
		}
	}
	t.Run("to the end", func(t *testing.T) {
		s, bodies := begin(t)
		goOn <- struct{}{}
		require.Equal(t, "done", <-bodies)
		require.Zero(t, s.exit())
	})
	t.Run("as long as it may", func(t *testing.T) {
		s, bodies := begin(t, "--drain-timeout", "1ms")
		require.Equal(t, "cut off", <-bodies)
		require.Zero(t, s.exit())
		require.Contains(t, s.stderr.String(), "warning: requests were cut off after 1ms\n")
	})
	t.Run("until a second signal", func(t *testing.T) {
		s, bodies := begin(t)
		s.signal(syscall.SIGINT)
		require.Equal(t, "cut off", <-bodies)
		require.Equal(t, 1, s.exit())
		require.Contains(t, s.stderr.String(), "lateen serve: stopped without draining\n")
	})
}

func TestServeWebSockets(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, rw)
	}))
	defer backend.Close()
	s := serve(t, "-f", "product.yaml", "--listen", "80=127.0.0.1:0", "--backend", "*="+backend.URL, "--drain-timeout", "1ms")
	conn, err := net.Dial("tcp", s.addresses["80"])
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	in := bufio.NewReader(conn)
	_, err = io.WriteString(conn, "GET /products/chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 101, response.StatusCode)
	for _, text := range []string{"one\n", "two\n"} {
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, text, line)
	}
	s.signal(syscall.SIGTERM)
	_, err = in.ReadByte()
	require.Error(t, err)
	require.Zero(t, s.exit())
}

func TestServeReportsTakenAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	stdout, stderr, code := lateen(t, "", "serve", "-f", "shop.yaml",
		"--listen", "80="+address, "--listen", "443=127.0.0.1:0", "--listen", "8080="+address, "--allow-broken-tls")
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Equal(t, "port 80: listen tcp "+address+": bind: address already in use\nport 8080: listen tcp "+address+": bind: address already in use\n", stderr)
}

// certificate writes a certificate for tests and its key to files.
func certificate(t *testing.T) (cert, key string) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return cert, key
}
