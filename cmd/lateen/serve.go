package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/accesslog"
	"github.com/lateengo/gateway/admin"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// A service is what serve's own flags say.
type service struct {
	configuration
	addresses map[int]string
	drain     time.Duration
	// grace is how long idle connections stay open.
	grace   time.Duration
	limits  clientLimits
	sharing sharing
	bounds  bounds
	cluster clusterFlags
	// telling has the warnings of the latest configuration of a cluster. It is nil
	// without one.
	telling *telling
	access  accessLogging
	// admin is the address of the admin listener, or "".
	admin       string
	pprof       bool
	watch       bool
	edge        bool
	printRoutes bool
	// allowBrokenTLS serves without the TLS servers that no client can connect to.
	allowBrokenTLS bool
	logJSON        bool
	logLevel       slog.Level
}

func (v *service) addFlags(flags *flag.FlagSet) {
	v.configuration.addFlags(flags)
	v.strict.addFlags(flags)
	flags.BoolVar(&v.edge, "edge", false, "settings for a gateway that everybody can reach: --strict, and --stream-idle-timeout 5m unless another is given")
	v.addresses = map[int]string{}
	flags.Func("listen", "`PORT=ADDR` is the address to listen at for a port of the Gateways: 80=127.0.0.1:8080. May be repeated.", v.addAddress)
	flags.DurationVar(&v.drain, "drain-timeout", server.DefaultDrainTimeout, "`DURATION` that requests have to finish after SIGTERM (10s by default)")
	flags.DurationVar(&v.grace, "grace-period", server.DefaultGracePeriod, "`DURATION` that idle connections stay open after SIGTERM, for requests on their way (1s by default)")
	v.limits.addFlags(flags)
	v.bounds.addFlags(flags)
	v.sharing.addFlags(flags)
	v.cluster.addFlags(flags)
	flags.StringVar(&v.access.to, "access-log", "-", "`FILE` gets a line for each request; - is the standard output (the default), off is none.\nSIGUSR1 opens the file again, after it was renamed.")
	flags.StringVar(&v.access.format, "access-log-format", "default", "`FORMAT` of the access log: default (Envoy's), json, or a text with Envoy's operators")
	flags.Func("admin", "`ADDR` of the status page, metrics and health checks, such as :9901; without a host it is 127.0.0.1", v.setAdmin)
	flags.BoolVar(&v.pprof, "admin-pprof", false, "serve profiles of this process at --admin too")
	flags.BoolVar(&v.watch, "watch", false, "follow the files: each change replaces the configuration at once, and one with an error changes nothing")
	flags.BoolVar(&v.allowBrokenTLS, "allow-broken-tls", false, "serve although no client can connect to some TLS servers, because their certificate is missing or unusable")
	flags.BoolVar(&v.printRoutes, "print-routes", false, "print all routes at start, not only their number")
	flags.Func("log-format", "`FORMAT` of log lines is text (the default) or json", func(text string) error {
		v.logJSON = text == "json"
		if text != "json" && text != "text" {
			return expected([]string{"text", "json"}, text)
		}
		return nil
	})
	v.logLevel = slog.LevelInfo
	flags.Func("log-level", "`LEVEL` from which lines are logged: debug, info (the default), warn or error", func(text string) error {
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
		level, ok := levels[text]
		if !ok {
			return expected([]string{"debug", "info", "warn", "error"}, text)
		}
		v.logLevel = level
		return nil
	})
}

func (v *service) setAdmin(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("HOST:PORT or :PORT is expected")
	}
	v.admin = net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port)
	return nil
}

// logger returns the log of events.
func (v *service) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: v.logLevel}
	if v.logJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
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

// check reports what is missing on the command line.
func (v *service) check() error {
	if v.cluster.enabled {
		return nil
	}
	return v.configuration.check()
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
	if err := cmp.Or(v.check(), v.sharing.check(), v.cluster.check()); err != nil {
		return c.misused(s, err)
	}
	if v.edge {
		v.setEdge()
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
	signal.Notify(signals, watched...)
	defer signal.Stop(signals)

	log := v.logger(s.err)
	access, err := v.access.open(s.out)
	if err != nil {
		return failed(s, err)
	}
	shared, err := v.sharing.open(log)
	if err != nil {
		return failed(s, err)
	}
	if shared != nil {
		defer shared.begin(log)()
	}
	if access != nil {
		defer access.Close()
	}
	source := v.watched(s)
	partial := live.Partial(nil)
	if v.cluster.enabled {
		both, err := v.withCluster(s, log)
		if err != nil {
			_ = failed(s, fmt.Errorf("--kube: %w", err))
			return exitFailure
		}
		defer both.cluster.Close()
		v.telling = new(telling)
		source, partial = both, both
	}
	var counts metrics.Metrics
	var b *gateway.Builder
	opened, err := live.Open(source, func() *gateway.Builder {
		b = v.builder().Logger(log)
		v.bounds.set(b)
		if shared != nil {
			v.sharing.register(b, shared)
		}
		if access != nil {
			b.Observe(access)
		}
		if v.admin != "" {
			b.Observe(&counts)
		}
		for _, to := range v.backends {
			b.BackendURL(to.name, to.url)
		}
		return b
	}, live.Options{Log: log, OnUpdate: func(u live.Update) { v.printUpdate(s.err, &u) }})
	if err != nil {
		v.printFindings(s.err, b.Warnings())
		printErrors(s.err, err)
		return exitUsage
	}
	defer opened.Close()
	gw := opened.Gateway()
	listening := make(map[int]bool)
	for _, l := range gw.Listeners() {
		listening[l.Port()] = true
	}
	// The Gateways of a cluster come and go.
	if err := v.unknownPorts(listening); err != nil && partial == nil {
		v.printFindings(s.err, gw.Warnings())
		fmt.Fprintln(s.err, oneLine(err.Error()))
		return exitUsage
	}
	config := server.Config{
		Addresses: v.addresses, Credentials: v.serverCredentials(), Logger: log,
		// In a cluster, certificates may come later than the Gateway that names them.
		AllowBrokenTLS: v.allowBrokenTLS || v.cluster.enabled,
		GracePeriod:    cmp.Or(v.grace, spec.NoLimit),
	}
	v.limits.apply(&config)
	srv := server.New(gw, config)
	err = srv.Start()
	for err != nil && partial != nil && partial.Attempted(err) && opened.Reload() == nil {
		err = srv.Start()
	}
	if err != nil {
		printErrors(s.err, err)
		return v.notStarted(s, err)
	}
	opened.ReplaceWith(srv.Replace)
	for _, p := range srv.Ports() {
		fmt.Fprintf(s.out, "listening %d %s\n", p.Number, p.Addr)
	}
	if v.admin != "" {
		page := admin.New(gw, admin.Config{Metrics: &counts, Listeners: srv, AccessLog: access, Pprof: v.pprof, Failed: func() (time.Time, error) {
			status := opened.Status()
			return status.Failed, status.Err
		}})
		closePage, address, err := page.Listen(v.admin)
		if err != nil {
			_ = srv.Shutdown(context.Background())
			return failed(s, fmt.Errorf("--admin: %w", err))
		}
		defer closePage()
		fmt.Fprintf(s.out, "admin http://%s/\n", address)
	}
	if v.printRoutes {
		fmt.Fprint(s.out, gw.String())
	} else {
		found := newChecked(nil, gw.Warnings(), nil)
		found.sum(gw.String())
		fmt.Fprintf(s.out, "serving %s\n", found.summary())
	}
	v.printFindings(s.err, v.telling.news(gw.Warnings()))
	printUntraced(s.err, gw.Tracing())
	printUnshared(s.err, &v.declared, &v.sharing)
	printWarnings(s.err, srv.Warnings())
	return v.until(signals, srv, opened, access, log, s)
}

// notStarted explains an error of Start, and returns the exit code.
func (v *service) notStarted(s streams, err error) int {
	for range spec.Errors(err) {
		// All others are about ports.
		fmt.Fprintln(s.err, "--credential NAME=CERT,KEY registers a certificate, and --allow-broken-tls serves the other servers without it")
		return exitUsage
	}
	return exitFailure
}

func failed(s streams, err error) int {
	fmt.Fprintln(s.err, "lateen serve:", oneLine(err.Error()))
	return exitUsage
}

// until serves until a signal ends that, and drains.
func (v *service) until(signals <-chan os.Signal, srv *server.Listeners, opened *live.Configuration, access *accesslog.Logger, log *slog.Logger, s streams) int {
	for waiting := true; waiting; {
		switch <-signals {
		case reopen:
			if access != nil {
				if err := access.Reopen(); err != nil {
					log.Error("the access log cannot be opened again", "error", err)
				}
			}
		case reload:
			_ = opened.Reload() // It reports its error itself.
		default:
			waiting = false
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), v.drain)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- srv.Shutdown(ctx) }()
	for {
		select {
		case err := <-drained:
			if err != nil {
				fmt.Fprintf(s.err, "warning: requests were cut off after %v\n", v.drain)
			}
			return exitOK
		case sig := <-signals:
			if sig == reload || sig == reopen {
				continue
			}
			fmt.Fprintln(s.err, "lateen serve: stopped without draining")
			return exitFailure
		}
	}
}
