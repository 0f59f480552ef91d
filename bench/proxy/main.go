//go:build linux

// Proxy compares the gateway with httputil.ReverseProxy as proxies, each in a
// separate process, and prints a table in Markdown.
//
//	go run ./proxy [-quick] [-turns 7] [-only name,…]
//
// All do the same: strip a prefix, set a header, send nine of ten requests to one
// backend and the tenth to another. First it checks that they give the same
// answers. Then it measures them in short turns, one after the other, so that load
// on the machine affects all alike: compare the ratios, which are medians over
// adjacent turns, not the absolute values.
//
// It runs on Linux only, because it reads memory use from /proc.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

// A plan defines what is measured, and for how long.
type plan struct {
	// turns is how many turns each contestant gets in each contest, and turn is
	// the duration of one.
	turns int
	turn  time.Duration
	// connections is the number of clients.
	connections int
	// idle is how many connections are left idle to measure their cost, and
	// idleTurns how often.
	idle, idleTurns int
	// large is the length of the largest bodies.
	large int64
	only  []string
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		runRole(role)
		return
	}
	log.SetFlags(0)
	p := plan{turn: 350 * time.Millisecond, connections: 64, idle: 2000, idleTurns: 3, large: 100 << 20}
	quick := flag.Bool("quick", false, "take less than 20 seconds")
	only := flag.String("only", "", "the only `contests` to hold: "+strings.Join(contestNames(), ", "))
	profile := flag.String("profile", "", "a `directory` for profiles of the processor time of all processes")
	flag.IntVar(&p.turns, "turns", 7, "how many turns each contestant gets")
	flag.Parse()
	if *quick {
		p.turns, p.turn, p.idle, p.idleTurns = min(p.turns, 3), 100*time.Millisecond, 400, 1
	}
	if *profile != "" {
		if err := os.Setenv(profileVariable, *profile); err != nil {
			log.Fatal(err)
		}
	}
	if *only != "" {
		p.only = strings.Split(*only, ",")
		for _, name := range p.only {
			if !slices.Contains(contestNames(), name) {
				log.Fatalf("-only: there is no contest %q", name)
			}
		}
	}
	if err := p.run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// A setting is how contestants and backends run.
type setting uint8

const (
	// ordinary backends are net/http's servers, and all processes share the
	// machine.
	ordinary setting = iota
	// lean backends answer as cheaply as possible.
	lean
	// pinnedDown contestants have one processor each, and everything else has
	// the others: so the contestant limits the rate. Backends are lean.
	pinnedDown
)

// A contest measures one property of the contestants.
type contest struct {
	name    string
	setting setting
	// bare contestants take part.
	bare bool
	hold func(p *plan, out *table, field []*process) error
}

var contests = []contest{
	{"http1", ordinary, true, (*plan).holdHTTP1},
	{"http1-lean", lean, true, (*plan).holdHTTP1Lean},
	{"http1-core", pinnedDown, true, (*plan).holdHTTP1Core},
	{"http2", lean, false, (*plan).holdHTTP2},
	{"latency", ordinary, true, (*plan).holdLatency},
	{"fixed", ordinary, true, (*plan).holdFixed},
	{"bodies", ordinary, false, (*plan).holdBodies},
	{"idle", ordinary, true, (*plan).holdIdle},
	{"handler", ordinary, true, (*plan).holdHandler},
}

func contestNames() []string {
	var names []string
	for _, c := range contests {
		names = append(names, c.name)
	}
	return names
}

// run checks the contestants, holds the contests, and prints the table.
func (p *plan) run(out io.Writer) error {
	begun := time.Now()
	fields := map[setting][]*process{}
	for _, setting := range []setting{ordinary, lean, pinnedDown} {
		all, field, err := startField(setting)
		for _, one := range all {
			defer one.stop()
		}
		if err != nil {
			return err
		}
		fields[setting] = field
	}
	for _, c := range fields[ordinary] {
		if err := p.check(c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	t := newTable()
	for _, c := range contests {
		if len(p.only) > 0 && !slices.Contains(p.only, c.name) {
			continue
		}
		field := fields[c.setting]
		if !c.bare {
			field = slices.DeleteFunc(slices.Clone(field), func(c *process) bool { return isBare(c.name) })
		}
		if err := c.hold(p, t, field); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	t.print(out)
	fmt.Fprintf(out, "\n%d turns, %v in all.\n", p.turns, time.Since(begun).Round(time.Second))
	return nil
}

// startField starts the backends and the contestants. It returns the
// contestants, and all processes.
func startField(how setting) (all, field []*process, err error) {
	role := "lean-backend"
	if how == ordinary {
		role = "backend"
	}
	add := func(role string, first bool, backends ...string) error {
		begin := func() error {
			one, err := start(role, backends...)
			if err == nil {
				all = append(all, one)
			}
			return err
		}
		if how == pinnedDown {
			return pinned(first, begin)
		}
		return begin()
	}
	if err := add(role, false); err != nil {
		return all, nil, err
	}
	for _, c := range contestants {
		if err := add(c.name, true, all[0].addresses...); err != nil {
			return all, nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return all, all[1:], nil
}

// eachTurn calls measure for every contestant in each turn.
func (p *plan) eachTurn(turns int, field []*process, measure func(i int, c *process) error) error {
	for turn := range turns {
		for k := range field {
			// The order alternates, so that no contestant always follows the
			// same one.
			i := k
			if turn%2 == 1 {
				i = len(field) - 1 - k
			}
			if err := measure(i, field[i]); err != nil {
				return fmt.Errorf("%s: %w", field[i].name, err)
			}
		}
	}
	return nil
}
