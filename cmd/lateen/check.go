package main

import (
	"flag"
	"fmt"
	"strings"
)

func runCheck(c *command, args []string, s streams) int {
	var config configuration
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addFlags(flags)
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if len(rest) > 0 {
		return c.misused(s, fmt.Errorf("%q is not expected: files are given with -f", rest[0]))
	}
	if err := config.check(); err != nil {
		return c.misused(s, err)
	}
	b := config.dry(s)
	gw, err := b.Build()
	config.printFindings(s.err, b.Warnings())
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	defer gw.Close()
	fmt.Fprintf(s.out, "ok: %s\n", countsOf(gw.String(), len(gw.Warnings())))
	return exitOK
}

// countsOf sums up the printed form of a gateway.
func countsOf(program string, warnings int) string {
	var listeners, hosts, routes int
	for line := range strings.Lines(program) {
		switch word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "listener":
			listeners++
		case "host":
			hosts++
		default:
			if word != "" && strings.Trim(word, "0123456789") == "" {
				routes++
			}
		}
	}
	return fmt.Sprintf("%s, %s, %s, %s", count(listeners, "listener"), count(hosts, "virtual host"), count(routes, "route"), count(warnings, "warning"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
