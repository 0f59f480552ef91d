package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/envoy"
)

// incomparable are the differences that a dump of routes says nothing about.
var incomparable = []string{"rate limit", "rates", "backend", "endpoints", "policy"}

func runCompare(c *command, args []string, s streams) int {
	var config configuration
	var format changesFormat
	var dumpFile string
	ports := map[int]int{}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.StringVar(&dumpFile, "config-dump", "", "`FILE` is what Envoy answers to /config_dump, or the output of\nistioctl proxy-config routes POD -o json; - is the standard input")
	flags.Func("port", "`CLUSTER=OWN` compares http.CLUSTER of the cluster, such as http.8080, with the port OWN of the files, such as 80.\nMay be repeated.", func(text string) error {
		a, b, _ := strings.Cut(text, "=")
		from, err1 := strconv.Atoi(a)
		to, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil {
			return errors.New("CLUSTER=OWN is expected, such as 8080=80")
		}
		ports[from] = to
		return nil
	})
	format.addFlags(flags)
	config.addFileFlags(flags)
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	switch err := cmp.Or(format.check(), config.check()); {
	case err != nil:
		return c.misused(s, err)
	case len(rest) > 0:
		return c.misused(s, fmt.Errorf("%q is not expected: files are given with -f", rest[0]))
	case dumpFile == "":
		return c.misused(s, errors.New("no routes of a cluster are given: --config-dump FILE is expected"))
	case dumpFile == "-" && slices.Contains(config.files, "-"):
		return c.misused(s, errors.New("the standard input can be read once"))
	}
	// Envoy decides as Envoy does.
	config.semantics = gateway.Envoy
	dump, err := readDump(dumpFile, s)
	if err != nil {
		fmt.Fprintln(s.err, "lateen compare:", err)
		return exitUsage
	}
	cluster, err := buildDump(&config, dump)
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	defer cluster.Close()
	own, err := config.dry(s).Build()
	config.printSkipped(s.err)
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	defer own.Close()
	pairs, alone := pairedConfigs(dump.RouteConfigs, configNames(own), ports)
	changes := cluster.Changes(own, inspect.Comparing{
		Names: [2]string{"cluster", "files"}, RouteConfigs: pairs, Ignore: incomparable, Unknown: dump.Unknown,
	})
	changes.Servers = append(alone, changes.Servers...)
	if !format.json {
		printNotes(s.err, dump.Notes, pairs)
	}
	return format.print(c, s, &changes)
}

func readDump(name string, s streams) (*envoy.Dump, error) {
	if name == "-" {
		return envoy.Read("stdin", s.in)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return envoy.Read(name, f)
}

// buildDump builds the gateway of a dump. What Build refuses, although Envoy took it, is
// left out as not understood.
func buildDump(c *configuration, dump *envoy.Dump) (*gateway.Gateway, error) {
	for {
		gw, err := gateway.New().Semantics(gateway.Envoy).PathNormalization(c.normalization).TrustedProxies(c.trusted).
			Load(dump).Resolver(offline{}).Build()
		if err == nil || !dump.GiveUp(slices.Collect(spec.Errors(err))) {
			return gw, err
		}
	}
}

// configNames returns the names of the route configs of a gateway.
func configNames(gw *gateway.Gateway) (names []string) {
	for _, l := range gw.Routes().Listeners {
		for _, c := range l.RouteConfigs {
			names = append(names, c.Name)
		}
	}
	return names
}

// pairedConfigs returns which route config of the cluster is compared with which one of
// the files. A Service may map the ports of a Gateway to others, as it maps 80 to 8080 by
// default: so what is left over on both sides is one pair. alone are those without
// another.
func pairedConfigs(cluster, own []string, ports map[int]int) (pairs map[string]string, alone []inspect.ServerChange) {
	pairs = map[string]string{}
	own = slices.Clone(own)
	take := func(from, to string) bool {
		i := slices.Index(own, to)
		if i < 0 {
			return false
		}
		pairs[from] = to
		own = slices.Delete(own, i, i+1)
		return true
	}
	left := slices.DeleteFunc(slices.Clone(cluster), func(name string) bool {
		to, mapped := ports[plainPort(name)]
		return mapped && take(name, "http."+strconv.Itoa(to))
	})
	left = slices.DeleteFunc(left, func(name string) bool { return take(name, name) })
	left = slices.DeleteFunc(left, func(name string) bool { return name == "http.8080" && take(name, "http.80") })
	plain := func(list []string) (out []string) {
		for _, name := range list {
			if plainPort(name) > 0 {
				out = append(out, name)
			}
		}
		return out
	}
	if a, b := plain(left), plain(own); len(a) == 1 && len(b) == 1 {
		take(a[0], b[0])
		left = slices.DeleteFunc(left, func(name string) bool { return name == a[0] })
	}
	for _, name := range left {
		alone = append(alone, inspect.ServerChange{Listener: name, Kind: inspect.Removed, Old: "in the cluster only"})
	}
	for _, name := range own {
		alone = append(alone, inspect.ServerChange{Listener: name, Kind: inspect.Added, New: "in the files only"})
	}
	return pairs, alone
}

// plainPort returns the port of a route config for plain text, or 0.
func plainPort(name string) int {
	number, ok := strings.CutPrefix(name, "http.")
	port, err := strconv.Atoi(number)
	if !ok || err != nil {
		return 0
	}
	return port
}

// printNotes prints what is not compared, and what is compared with what.
func printNotes(w io.Writer, notes []string, pairs map[string]string) {
	for _, note := range notes {
		fmt.Fprintln(w, "note:", note)
	}
	for from, to := range pairs {
		if from != to {
			fmt.Fprintf(w, "note: %s of the cluster is compared with %s of the files\n", from, to)
		}
	}
}
