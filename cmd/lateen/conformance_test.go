package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/conformance"
	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec/istio"
)

// TestConformance runs "lateen serve" with each configuration of package
// conformance, and sends every request to it as written, over a connection of its
// own.
func TestConformance(t *testing.T) {
	goldens, err := conformance.Load(filepath.Join("..", "..", "internal", "conformance", "testdata"))
	require.NoError(t, err)
	require.NotEmpty(t, goldens)
	cert, key := certificate(t)
	var passed, failed, unsent int
	for i, g := range goldens {
		t.Run(g.Config, func(t *testing.T) {
			if testing.Short() && i%4 != 0 {
				t.Skip("no process is started for it; internal/conformance compares its answers")
			}
			accepted, refused := g.Split()
			dir := t.TempDir()
			for i, text := range refused {
				file := filepath.Join(dir, strconv.Itoa(i)+".yaml")
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
				_, stderr, code := lateen(t, "", "check", "-f", file)
				require.Equal(t, 2, code, "document %d is refused by Istio", i)
				require.Regexp(t, `(?m)^`+file+`:\d+:\d+: `, stderr)
			}
			file := filepath.Join(dir, g.Config)
			require.NoError(t, os.WriteFile(file, []byte(accepted), 0o600))
			if slices.ContainsFunc(g.Cases, func(c conformance.Case) bool { return c.Outcome.Kind == "rejected" }) {
				_, _, code := lateen(t, "", "serve", "-f", file)
				require.Equal(t, 2, code, "Envoy refuses the configuration")
				passed += len(g.Cases)
				return
			}
			w := newWire(t, g, file, cert, key)
			for _, c := range g.Cases {
				differences, sent := w.run(&c)
				switch {
				case !sent:
					unsent++
				case len(differences) == 0:
					passed++
				default:
					failed++
					t.Errorf("%s %s:%d%s %v:\n  %s", c.Request.ID, c.Request.Host, c.Request.Port, c.Request.Path,
						c.Request.Headers, strings.Join(differences, "\n  "))
				}
			}
		})
	}
	fmt.Printf("conformance over sockets: %d passed, %d failed, %d refused before the gateway\n",
		passed, failed, unsent)
}

// A wire is a running gateway whose every destination is a server that records.
type wire struct {
	t         *testing.T
	addresses map[string]string

	mu sync.Mutex
	// answer are the headers that destinations answer with.
	answer http.Header
	// received are requests by the number that their answer bears.
	received []received
}

type received struct {
	backend string
	request *http.Request
}

// answerNumber is the header of a destination's answer that tells which request
// it is to; mirrored ones get answers, too.
const answerNumber = "X-Conformance-Answer"

func newWire(t *testing.T, g *conformance.Golden, file, cert, key string) *wire {
	w := &wire{t: t}
	args := []string{"-f", file, "--semantics", "envoy", "--workload-labels", "istio=ingressgateway,app=istio-ingressgateway"}
	if n := g.Options.Mesh.PathNormalization.Normalization; n != "" {
		args = append(args, "--path-normalization", n)
	}
	declared, err := istio.Files(file).Declare()
	require.NoError(t, err)
	ports, credentials := map[int]bool{80: len(declared.Servers) == 0}, map[string]bool{}
	labels := map[string]string{"istio": "ingressgateway", "app": "istio-ingressgateway"}
	for _, s := range declared.Servers {
		if !resource.HasLabels(labels, s.Selector) {
			continue
		}
		ports[s.Port] = true
		if s.TLS != nil && s.TLS.CredentialName != "" {
			credentials[s.TLS.CredentialName] = true
		}
	}
	for port, there := range ports {
		if there {
			args = append(args, "--listen", fmt.Sprintf("%d=127.0.0.1:0", port))
		}
	}
	for name := range credentials {
		args = append(args, "--credential", name+"="+cert+","+key)
	}
	for _, name := range g.Backends() {
		s := httptest.NewServer(w.recorder(name))
		t.Cleanup(s.Close)
		args = append(args, "--backend", name+"="+s.URL)
	}
	w.addresses = serve(t, args...).addresses
	return w
}

func (w *wire) recorder(backend string) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		maps.Copy(out.Header(), w.answer)
		out.Header().Set(answerNumber, strconv.Itoa(len(w.received)))
		w.received = append(w.received, received{backend, r})
	}
}

// run sends the request of a case, and returns what differs. sent is false if
// the server refused the request, as it has to.
func (w *wire) run(c *conformance.Case) (differences conformance.Differences, sent bool) {
	want := c.Outcome
	w.mu.Lock()
	w.answer = http.Header{}
	for name, lines := range c.Request.Backend {
		w.answer[http.CanonicalHeaderKey(name)] = lines
	}
	w.mu.Unlock()

	text := requestText(&c.Request)
	response, body, err := w.exchange(&c.Request, text)
	if want.Kind == "noHTTP" {
		if err == nil {
			return conformance.Differences{"want no answer, got " + response.Status}, true
		}
		return nil, true
	}
	if err != nil {
		return conformance.Differences{err.Error()}, true
	}
	if r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text))); err != nil || !doubt.HasOneHost(r) {
		if response.StatusCode != http.StatusBadRequest {
			return conformance.Differences{"servers refuse the request, but the answer was " + response.Status}, true
		}
		return nil, false
	}
	if len(want.Destinations) == 0 {
		return c.CompareAnswer(response.StatusCode, response.Header, body), true
	}
	return w.compare(c, response), true
}

// compare compares with the destination that answered, or with what else may
// happen to a request that is forwarded.
func (w *wire) compare(c *conformance.Case, response *http.Response) conformance.Differences {
	number := response.Header.Get(answerNumber)
	if number == "" {
		for _, d := range c.Outcome.Destinations {
			if d.Missing && response.StatusCode == http.StatusServiceUnavailable {
				return nil
			}
		}
		if p := c.Outcome.Policy; p != nil && p.Fault != nil && p.Fault.AbortPercent > 0 && response.StatusCode == p.Fault.AbortStatus {
			return nil
		}
		return conformance.Differences{"no destination got the request, the answer is " + response.Status}
	}
	response.Header.Del(answerNumber)
	i, err := strconv.Atoi(number)
	require.NoError(w.t, err)
	w.mu.Lock()
	got := w.received[i]
	w.mu.Unlock()
	differences := conformance.Differences{"it went to " + got.backend}
	for _, d := range c.Outcome.Destinations {
		if d.Missing || d.Backend() != got.backend {
			continue
		}
		// A host may be listed twice, with different headers.
		if differences = d.Compare(got.request, response.Header); len(differences) == 0 {
			return nil
		}
	}
	return differences
}

// exchange sends text to the request's port, and reads the answer.
func (w *wire) exchange(r *conformance.Request, text string) (*http.Response, string, error) {
	address, ok := w.addresses[strconv.Itoa(r.Port)]
	if !ok {
		return nil, "", fmt.Errorf("nobody listens at port %d", r.Port)
	}
	conn, err := net.Dial("tcp", address)
	require.NoError(w.t, err)
	defer conn.Close()
	require.NoError(w.t, conn.SetDeadline(time.Now().Add(patience)))
	if r.TLS {
		secure := tls.Client(conn, &tls.Config{ServerName: r.SNI, InsecureSkipVerify: true})
		if err := secure.Handshake(); err != nil {
			return nil, "", err
		}
		conn = secure
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// requestText returns a request as it is sent.
func requestText(r *conformance.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, r.Host)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		for _, line := range r.Headers[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, line)
		}
	}
	b.WriteString("\r\n")
	return b.String()
}
