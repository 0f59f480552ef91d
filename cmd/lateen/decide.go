package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/question"
)

func runDecide(c *command, args []string, s streams) int {
	var explains bool
	return c.ask(args, s, &explains, func(flags *flag.FlagSet) {
		flags.BoolVar(&explains, "explain", false, "say why too, as lateen explain does")
	})
}

func runExplain(c *command, args []string, s streams) int {
	explains := true
	return c.ask(args, s, &explains, func(*flag.FlagSet) {})
}

// ask answers a question about one request: with the decision, or with the explanation.
func (c *command) ask(args []string, s streams, explains *bool, more func(*flag.FlagSet)) int {
	var config configuration
	var headers []string
	var asJSON bool
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addFlags(flags)
	config.strict.addFlags(flags)
	flags.Func("H", "`'NAME: VALUE'` is a header of the request. May be repeated.", func(text string) error {
		name, _, ok := strings.Cut(text, ":")
		if !ok || name == "" {
			return errors.New("'NAME: VALUE' is expected")
		}
		headers = append(headers, text)
		return nil
	})
	flags.BoolVar(&asJSON, "json", false, "print the answer as JSON")
	more(flags)
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
	e := q.Explain(gw)
	switch {
	case *explains && asJSON:
		return c.writeJSON(s, e)
	case *explains:
		fmt.Fprint(s.out, e)
	case asJSON:
		printWarnings(s.err, e.Warnings)
		return c.writeJSON(s, e.Decision)
	default:
		fmt.Fprintf(s.out, "%s %s\n", rest[0], rest[1])
		printDecision(s.out, &e)
	}
	return exitOK
}

// printDecision prints a decision with the hint of a request that no listener gets, and
// with the warnings that concern it.
func printDecision(w io.Writer, e *inspect.Explanation) {
	d := &e.Decision
	question.Print(w, d)
	if d.Kind == gateway.DecisionNoServer && d.Listener == "" && len(e.Hints) > 0 {
		fmt.Fprintf(w, "  hint          %s\n", e.Hints[0].Text)
	}
	for _, warning := range e.Warnings {
		fmt.Fprintf(w, "  %-13s %s\n", "warning", oneLine(warning.String()))
	}
}

// writeJSON writes a value as indented JSON.
func (c *command) writeJSON(s streams, v any) int {
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		fmt.Fprintf(s.err, "lateen %s: %v\n", c.name, err)
		return exitFailure
	}
	return exitOK
}
