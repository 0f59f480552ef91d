package upstream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
)

// The benchmarks measure proxies in separate processes, whose processor time is
// known, with a client and a backend that cost as little as possible. Compare the
// ratios between the proxies of one run.
//
//	go test -run '^$' -bench . ./upstream

const (
	benchProxy   = "LATEEN_BENCH_PROXY"
	benchBackend = "LATEEN_BENCH_BACKEND"
)

// benchProxies are the contestants.
var benchProxies = map[string]func(backend string) http.Handler{
	"direct":  func(backend string) http.Handler { return benchUpstream(backend, Direct) },
	"nethttp": func(backend string) http.Handler { return benchUpstream(backend, NetHTTP) },
	"reverseproxy": func(backend string) http.Handler {
		target := &url.URL{Scheme: "http", Host: backend}
		return &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: &http.Transport{
				MaxIdleConnsPerHost: 1024,
				DisableCompression:  true,
			},
		}
	},
}

func benchUpstream(backend string, transport Transport) http.Handler {
	c, err := FromURL("http://" + backend)
	if err != nil {
		panic(err)
	}
	c.Transport = transport
	u, err := New(c)
	if err != nil {
		panic(err)
	}
	return u
}

// A benchReport is a proxy process's report about itself.
type benchReport struct {
	CPU int64 // nanoseconds of processor time
}

// runBenchProxy is the main function of a proxy's process: it prints its
// address, and a report for each line that it reads.
func runBenchProxy(name string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: benchProxies[name](os.Getenv(benchBackend))}
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		_ = json.NewEncoder(os.Stdout).Encode(benchReport{processorTime()})
	}
}

// A benchProcess is a running proxy.
type benchProcess struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	address string
}

func startBenchProxy(b *testing.B, name, backend string) *benchProcess {
	command := exec.Command(os.Args[0], "-test.run=^$")
	command.Env = append(os.Environ(), benchProxy+"="+name, benchBackend+"="+backend)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	p := &benchProcess{command: command, in: in, out: bufio.NewReader(out)}
	b.Cleanup(func() {
		in.Close()
		_ = command.Wait()
	})
	line, err := p.out.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	p.address = line[:len(line)-1]
	return p
}

// cpu returns the processor time used so far.
func (p *benchProcess) cpu(b *testing.B) time.Duration {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		b.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		b.Fatal(err)
	}
	var report benchReport
	if err := json.Unmarshal(line, &report); err != nil {
		b.Fatal(err)
	}
	return time.Duration(report.CPU)
}

// startBenchBackend answers each request with head and body. If upload is not
// 0, requests have bodies of that length.
func startBenchBackend(b *testing.B, head string, body int, upload int) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	response := append([]byte(head), bytes.Repeat([]byte("x"), body)...)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 64<<10)
				for n := 0; ; {
					m, err := conn.Read(buf[n:])
					if err != nil {
						return
					}
					n += m
					end := bytes.Index(buf[:n], []byte("\r\n\r\n"))
					if end < 0 {
						continue
					}
					for left := upload - (n - end - 4); left > 0; left -= m {
						if m, err = conn.Read(buf); err != nil {
							return
						}
					}
					if n = 0; len(response) > 1<<20 {
						if _, err := conn.Write(response[:len(head)]); err != nil {
							return
						}
						for at := len(head); at < len(response); at += 1 << 20 {
							if _, err := conn.Write(response[at:min(at+1<<20, len(response))]); err != nil {
								return
							}
						}
					} else if _, err := conn.Write(response); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// benchLoad sends request over conns connections in a loop, n times in total.
func benchLoad(b *testing.B, address string, conns, n int, request []byte, upload int) {
	var left atomic.Int64
	left.Store(int64(n))
	var running sync.WaitGroup
	for range conns {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		running.Go(func() {
			defer conn.Close()
			in := bufio.NewReaderSize(conn, 64<<10)
			chunk := bytes.Repeat([]byte("x"), 256<<10)
			for left.Add(-1) >= 0 {
				_, err := conn.Write(request)
				for rest := upload; rest > 0 && err == nil; rest -= len(chunk) {
					_, err = conn.Write(chunk[:min(rest, len(chunk))])
				}
				if err == nil {
					err = benchReadResponse(in)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

func benchReadResponse(in *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			return fmt.Errorf("response %q", line)
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := in.Discard(length)
	return err
}

func benchContest(b *testing.B, conns, body, upload int) {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"+
		"Server: bench\r\nContent-Length: %d\r\n\r\n", body)
	request := "GET /products/1?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n" +
		"X-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\n\r\n"
	if upload > 0 {
		request = fmt.Sprintf("POST /products HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n", upload)
	}
	for _, name := range []string{"reverseproxy", "nethttp", "direct"} {
		b.Run("proxy="+name, func(b *testing.B) {
			p := startBenchProxy(b, name, startBenchBackend(b, head, body, upload))
			b.SetBytes(int64(body + upload))
			benchLoad(b, p.address, conns, 2*conns, []byte(request), upload)
			before := p.cpu(b)
			b.ResetTimer()
			benchLoad(b, p.address, conns, b.N, []byte(request), upload)
			b.StopTimer()
			b.ReportMetric(float64(p.cpu(b)-before)/float64(b.N)/1000, "cpu-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

// BenchmarkPick measures the choice of a host.
func BenchmarkPick(b *testing.B) {
	for name, weights := range map[string][]int{"single": {1}, "even": {1, 1, 1, 1}, "weighted": {1, 2, 3, 4}} {
		c := Config{}
		for i, weight := range weights {
			c.Endpoints = append(c.Endpoints, Endpoint{Address: fmt.Sprintf("10.0.0.%d:80", i+1), Weight: weight})
		}
		u, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		defer u.Close()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := requestFor("backend.test")
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h, _ := u.pick(r, balance.Request{})
					h.release()
				}
			})
		})
	}
}

// A sink drops a response.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkExchange measures consecutive exchanges without a server in front,
// which shows the cost and the allocations of each policy.
func BenchmarkExchange(b *testing.B) {
	backend := startBenchBackend(b, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 2, 0)
	for name, change := range map[string]func(*Config){
		"plain":    func(*Config) {},
		"net-http": func(c *Config) { c.Transport = NetHTTP },
		"limits":   func(c *Config) { c.Limits = &Limits{MaxConnections: 100} },
		"outliers": func(c *Config) { c.Outliers = &OutlierDetection{Consecutive5xx: 5} },
		"hash": func(c *Config) {
			c.Balancing.Policy, c.Hash = RingHash, []HashKey{{Header: "User-Agent"}}
		},
	} {
		c := Config{Endpoints: []Endpoint{{Address: backend}}}
		change(&c)
		u, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		defer u.Close()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r, _ := http.NewRequestWithContext(b.Context(), "GET", "/products/1", nil)
			r.Header.Set("User-Agent", "bench")
			w := &sink{make(http.Header)}
			for b.Loop() {
				clear(w.header)
				u.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkSmall(b *testing.B)        { benchContest(b, 64, 18, 0) }
func BenchmarkSmallPost(b *testing.B)    { benchContest(b, 64, 18, 100) }
func Benchmark1MiB(b *testing.B)         { benchContest(b, 8, 1<<20, 0) }
func Benchmark100MiB(b *testing.B)       { benchContest(b, 2, 100<<20, 0) }
func BenchmarkUpload1MiB(b *testing.B)   { benchContest(b, 8, 18, 1<<20) }
func BenchmarkUpload100MiB(b *testing.B) { benchContest(b, 2, 18, 100<<20) }
