package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/question"
)

func runDecide(c *command, args []string, s streams) int {
	var config configuration
	var headers []string
	var asJSON bool
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addFlags(flags)
	flags.Func("H", "`'NAME: VALUE'` is a header of the request. May be repeated.", func(text string) error {
		name, _, ok := strings.Cut(text, ":")
		if !ok || name == "" {
			return errors.New("'NAME: VALUE' is expected")
		}
		headers = append(headers, text)
		return nil
	})
	flags.BoolVar(&asJSON, "json", false, "print the decision as JSON")
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if err := config.check(); err != nil {
		return c.misused(s, err)
	}
	if len(rest) != 2 {
		return c.misused(s, fmt.Errorf("%s given: METHOD and URL are expected", count(len(rest), "argument")))
	}
	q, err := question.New(rest[0], rest[1], headers)
	if err != nil {
		return c.misused(s, err)
	}
	// What a decision draws, the request's id, is the same every time.
	b := config.dry(s).Random(func() uint64 { return 0 })
	gw, err := b.Build()
	config.printSkipped(s.err)
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	defer gw.Close()
	d := q.Ask(gw)
	warnings := config.concerning(&d, gw.Warnings())
	if asJSON {
		printWarnings(s.err, warnings)
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(d); err != nil {
			fmt.Fprintln(s.err, "lateen decide:", err)
			return exitFailure
		}
		return exitOK
	}
	fmt.Fprintf(s.out, "%s %s\n", rest[0], rest[1])
	question.Print(s.out, &d)
	if d.Kind == gateway.DecisionNoServer && d.Listener == "" {
		var ports []string
		for _, l := range gw.Listeners() {
			ports = append(ports, strconv.Itoa(l.Port()))
		}
		fmt.Fprintf(s.out, "  hint          a URL's port is that of a Gateway, wherever it is mapped to; there is %s\n", strings.Join(ports, ", "))
	}
	for _, w := range warnings {
		fmt.Fprintf(s.out, "  %-13s %s\n", "warning", oneLine(w.String()))
	}
	return exitOK
}
