//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/redislimit"
	"github.com/lateengo/gateway/rls"
	"github.com/lateengo/gateway/spec"
)

// A store counts outside of this process.
type store struct {
	name      string
	algorithm spec.LimitAlgorithm
	connect   func() (ratelimit.Limiter, func() error, error)
	server    *process
	// end ends all processes and deletes their files.
	end func()
}

// A fault is a way in which a store fails.
type fault struct {
	name  string
	begin func(*store)
	end   func(*store) error
}

var faults = []fault{
	{"stopped (SIGSTOP)", func(s *store) { s.server.stop() }, func(s *store) error { return s.server.running.Process.Signal(syscall.SIGCONT) }},
	{"killed (SIGKILL)", func(s *store) { s.server.kill() }, func(s *store) error { return s.server.start() }},
}

// startRedis starts redis-server.
func startRedis() (*store, error) {
	server, end, err := runRedis()
	if err != nil {
		return nil, err
	}
	return &store{name: "Redis", server: server, end: end, connect: func() (ratelimit.Limiter, func() error, error) {
		client, err := redislimit.NewClient(server.address)
		if err != nil {
			return nil, nil, err
		}
		return redislimit.New(client, redislimit.Options{}), client.Close, nil
	}}, nil
}

func runRedis() (*process, func(), error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "outage")
	if err != nil {
		return nil, nil, err
	}
	address := freeAddress()
	p := &process{address: address, command: func() *exec.Cmd {
		return exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port(address), "--save", "", "--dir", dir)
	}}
	end := func() {
		p.kill()
		_ = os.RemoveAll(dir)
	}
	if err := p.start(); err != nil {
		end()
		return nil, nil, err
	}
	return p, end, nil
}

// startEnvoy starts github.com/envoyproxy/ratelimit and its Redis.
func startEnvoy() (*store, error) {
	path := os.Getenv("LATEEN_RATELIMIT")
	if path == "" {
		return nil, errors.New("LATEEN_RATELIMIT is not set to the program of github.com/envoyproxy/ratelimit")
	}
	redis, endRedis, err := runRedis()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "outage")
	if err != nil {
		endRedis()
		return nil, err
	}
	address, http, debug := freeAddress(), freeAddress(), freeAddress()
	p := &process{address: address, command: func() *exec.Cmd {
		c := exec.Command(path)
		c.Env = append(os.Environ(), "GRPC_HOST=127.0.0.1", "GRPC_PORT="+port(address), "HOST=127.0.0.1", "PORT="+port(http),
			"DEBUG_HOST=127.0.0.1", "DEBUG_PORT="+port(debug), "USE_STATSD=false", "REDIS_SOCKET_TYPE=tcp", "REDIS_URL="+redis.address,
			"RUNTIME_ROOT="+dir, "RUNTIME_SUBDIRECTORY=limits", "RUNTIME_WATCH_ROOT=false", "LOG_LEVEL=fatal")
		return c
	}}
	end := func() {
		p.kill()
		endRedis()
		_ = os.RemoveAll(dir)
	}
	config := filepath.Join(dir, "limits", "config")
	err = errors.Join(os.MkdirAll(config, 0o755), os.WriteFile(filepath.Join(config, "shop.yaml"), []byte("domain: shop\n"), 0o644))
	if err == nil {
		err = p.start()
	}
	if err != nil {
		end()
		return nil, err
	}
	return &store{name: "envoyproxy/ratelimit", algorithm: spec.LimitFixedWindow, server: p, end: end, connect: func() (ratelimit.Limiter, func() error, error) {
		conn, err := rls.Dial(address, rls.DialOptions{})
		if err != nil {
			return nil, nil, err
		}
		return rls.New(conn, rls.Options{Domain: "shop", SendLimits: true}), conn.Close, nil
	}}, nil
}

// A process is a server on an address.
type process struct {
	address string
	command func() *exec.Cmd
	running *exec.Cmd
}

// start returns when the process accepts connections.
func (p *process) start() error {
	p.running = p.command()
	if err := p.running.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if conn, err := net.Dial("tcp", p.address); err == nil {
			return conn.Close()
		}
	}
	return fmt.Errorf("%s does not listen", p.running.Path)
}

// stop returns when the process has stopped.
func (p *process) stop() {
	_ = p.running.Process.Signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	_, _ = syscall.Wait4(p.running.Process.Pid, &status, syscall.WUNTRACED, nil)
}

func (p *process) kill() {
	_ = p.running.Process.Kill()
	_ = p.running.Wait()
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
