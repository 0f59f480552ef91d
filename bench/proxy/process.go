//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"
)

// The environment tells a measured process what it is.
const (
	roleVariable     = "LATEEN_BENCH_ROLE"
	backendsVariable = "LATEEN_BENCH_BACKENDS"
	profileVariable  = "LATEEN_BENCH_PROFILE"
)

// A process is a running contestant or backend.
type process struct {
	name string
	// addresses are where it listens: contestants at one address, backends at
	// two.
	addresses []string
	command   *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	// loops are its clients in the current contest.
	loops *loops
}

// start starts a process of this program in a role.
func start(role string, backends ...string) (*process, error) {
	p := &process{name: role, command: exec.Command("/proc/self/exe")}
	p.command.Env = append(os.Environ(), roleVariable+"="+role, backendsVariable+"="+strings.Join(backends, ","))
	p.command.Stderr = os.Stderr
	// It ends with this process, for whatever reason.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("it did not start: %w", err)
	}
	p.addresses = strings.Split(strings.TrimSpace(line), ",")
	return p, nil
}

// stop ends the process, which may have a profile to write first.
func (p *process) stop() {
	p.in.Close()
	defer time.AfterFunc(2*time.Second, func() { _ = p.command.Process.Kill() }).Stop()
	_ = p.command.Wait()
}

// A usage is what a process has used so far.
type usage struct {
	// CPU is processor time, of user and system.
	CPU time.Duration
	// Allocated counts bytes.
	Allocated uint64
	// Resident is the memory that it uses now, in bytes.
	Resident int64
}

// usage asks the process what it has used. If settled, the process collects its
// garbage first.
func (p *process) usage(settled bool) (usage, error) {
	question := "now\n"
	if settled {
		question = "settled\n"
	}
	var u usage
	if _, err := io.WriteString(p.in, question); err != nil {
		return u, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(line, &u)
}

// runRole is the main function of a measured process: it prints its addresses,
// and answers questions about its usage until its input ends.
func runRole(role string) {
	addresses, err := serveRole(role, strings.Split(os.Getenv(backendsVariable), ","))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
	if dir := os.Getenv(profileVariable); dir != "" {
		if f, err := os.CreateTemp(dir, strings.ReplaceAll(role, "/", "-")+"-*.pprof"); err == nil && pprof.StartCPUProfile(f) == nil {
			defer pprof.StopCPUProfile()
		}
	}
	fmt.Println(strings.Join(addresses, ","))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "settled" {
			for range 2 { // pools are emptied by the second collection
				debug.FreeOSMemory()
			}
		}
		_ = json.NewEncoder(os.Stdout).Encode(used())
	}
}

// used is what this process has used.
func used() usage {
	var times syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &times)
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	var total, resident int64
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(text), &total, &resident)
	}
	return usage{
		CPU:       time.Duration(times.Utime.Nano() + times.Stime.Nano()),
		Allocated: allocated[0].Value.Uint64(),
		Resident:  resident * int64(os.Getpagesize()),
	}
}

// serveRole starts to serve, and returns the addresses.
func serveRole(role string, backends []string) ([]string, error) {
	switch role {
	case "backend":
		return serveBackends(func(l net.Listener, name string) error { return plainServer(backend(name)).Serve(l) })
	case "lean-backend":
		return serveBackends(serveLean)
	}
	for name, serve := range handlerServers {
		if name == role {
			address, err := serve()
			return []string{address}, err
		}
	}
	for _, c := range contestants {
		if c.name == role {
			if len(backends) != 2 {
				return nil, errors.New("two backends are expected")
			}
			address, err := c.serve(backends)
			return []string{address}, err
		}
	}
	return nil, errors.New("there is no such role")
}

// plainServer serves HTTP/1.1 and HTTP/2 without TLS.
func plainServer(h http.Handler) *http.Server {
	s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}
