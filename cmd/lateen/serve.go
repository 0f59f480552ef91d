package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lateengo/gateway/server"
)

// A service is what serve's own flags say.
type service struct {
	configuration
	addresses map[int]string
	drain     time.Duration
}

func (v *service) addFlags(flags *flag.FlagSet) {
	v.configuration.addFlags(flags)
	v.addresses = map[int]string{}
	flags.Func("listen", "`PORT=ADDR` is the address to listen at for a port of the Gateways: 80=127.0.0.1:8080. May be repeated.", v.addAddress)
	flags.DurationVar(&v.drain, "drain-timeout", server.DefaultDrainTimeout, "`DURATION` that requests have to finish after SIGTERM (10s by default)")
}

func (v *service) addAddress(text string) error {
	number, address, ok := strings.Cut(text, "=")
	port, err := strconv.Atoi(number)
	if !ok || err != nil || port < 0 || port > 65535 || address == "" {
		return errors.New("PORT=ADDR is expected, such as 80=127.0.0.1:8080")
	}
	if _, twice := v.addresses[port]; twice {
		return fmt.Errorf("port %d is given twice", port)
	}
	if !strings.HasPrefix(address, "unix:") && !strings.Contains(address, ":") {
		return fmt.Errorf("%q is no address: HOST:PORT, :PORT or unix:PATH is expected", address)
	}
	v.addresses[port] = address
	return nil
}

func runServe(c *command, args []string, s streams) int {
	var v service
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	v.addFlags(flags)
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if len(rest) > 0 {
		return c.misused(s, fmt.Errorf("%q is not expected: files are given with -f", rest[0]))
	}
	if err := v.check(); err != nil {
		return c.misused(s, err)
	}
	return v.run(s)
}

// unknownPorts reports the addresses of ports that no Gateway has. To serve all the
// same would open a port that was not meant.
func (v *service) unknownPorts(listening map[int]bool) error {
	var problems []error
	for _, port := range slices.Sorted(maps.Keys(v.addresses)) {
		if listening[port] {
			continue
		}
		var known []string
		for _, p := range slices.Sorted(maps.Keys(listening)) {
			known = append(known, strconv.Itoa(p))
		}
		problems = append(problems, fmt.Errorf("--listen %d=%s: no Gateway has port %d; the ports are %s", port, v.addresses[port], port, strings.Join(known, ", ")))
	}
	return errors.Join(problems...)
}

// run serves until a signal comes.
func (v *service) run(s streams) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)

	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b := v.builder(s).Logger(log)
	for _, to := range v.backends {
		b.BackendURL(to.name, to.url)
	}
	gw, err := b.Build()
	if err != nil {
		v.printFindings(s.err, b.Warnings())
		printErrors(s.err, err)
		return exitUsage
	}
	defer gw.Close()
	listening := make(map[int]bool)
	for _, l := range gw.Listeners() {
		listening[l.Port()] = true
	}
	if err := v.unknownPorts(listening); err != nil {
		v.printFindings(s.err, gw.Warnings())
		fmt.Fprintln(s.err, oneLine(err.Error()))
		return exitUsage
	}
	srv := server.New(gw, server.Config{Addresses: v.addresses, Credentials: v.serverCredentials(), Logger: log})
	if err := srv.Start(); err != nil {
		printErrors(s.err, err)
		return exitFailure
	}
	for _, p := range srv.Ports() {
		fmt.Fprintf(s.out, "listening %d %s\n", p.Number, p.Addr)
	}
	fmt.Fprint(s.out, gw.String())
	v.printFindings(s.err, gw.Warnings())
	printWarnings(s.err, srv.Warnings())

	<-signals
	ctx, cancel := context.WithTimeout(context.Background(), v.drain)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- srv.Shutdown(ctx) }()
	select {
	case err := <-drained:
		if err != nil {
			fmt.Fprintf(s.err, "warning: requests were cut off after %v\n", v.drain)
		}
		return exitOK
	case <-signals:
		fmt.Fprintln(s.err, "lateen serve: stopped without draining")
		return exitFailure
	}
}
