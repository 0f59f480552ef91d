package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/gatewaytest"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
)

// A trial is what test's own flags say.
type trial struct {
	configuration
	// cases are the files and directories with cases.
	cases  []string
	format string
	run    *regexp.Regexp
	// coverage prints what no case has met, and coverageFile is where a report goes.
	coverage     bool
	coverageFile string
	// minCoverage is in percent.
	minCoverage float64
	watch       bool
}

// resultFormats are the values of --format.
var resultFormats = []string{"text", "tap", "junit", "json"}

func (v *trial) addFlags(flags *flag.FlagSet) {
	v.addFileFlags(flags)
	v.strict.addFlags(flags)
	v.format = "text"
	flags.Func("format", "`FORMAT` of the results: text (the default), tap, junit or json", func(text string) error {
		v.format = text
		if !slices.Contains(resultFormats, text) {
			return expected(resultFormats, text)
		}
		return nil
	})
	flags.Func("run", "`REGEX` selects the cases whose names it matches a part of", func(text string) (err error) {
		v.run, err = regexp.Compile(text)
		return err
	})
	flags.BoolVar(&v.coverage, "coverage", false, "print which routes, conditions and shares no case has met, each with its place")
	flags.StringVar(&v.coverageFile, "coverage-file", "", "`FILE` gets a report of the coverage: in LCOV's format if the name ends in .info or .lcov, and otherwise in JSON")
	flags.Func("min-coverage", "`PERCENT` of routes, conditions and shares that the cases must meet", func(text string) error {
		n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
		if err != nil || !(n >= 0 && n <= 100) {
			return errors.New("a number from 0 to 100 is expected")
		}
		v.minCoverage = n
		return nil
	})
	flags.BoolVar(&v.watch, "watch", false, "test again whenever a file changes, until SIGINT")
}

func runTest(c *command, args []string, s streams) int {
	v := new(trial)
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	v.addFlags(flags)
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if err := v.check(); err != nil {
		return c.misused(s, err)
	}
	if len(rest) == 0 {
		return c.misused(s, errors.New("no case file is given"))
	}
	v.cases = rest
	if !v.watch {
		return v.once(v.source(s), s)
	}
	if slices.Contains(v.files, "-") {
		return c.misused(s, errors.New("--watch cannot follow the standard input"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	v.rereads = true
	files := &live.Files{Source: v.source(s), Paths: slices.Concat(v.files, v.cases), Recursive: true}
	return v.follow(ctx, files, s)
}

// follow tests at once, and after each change until ctx ends. It returns the code of the
// latest test.
func (v *trial) follow(ctx context.Context, source live.Source, s streams) int {
	code := v.once(source, s)
	fmt.Fprintln(s.err, "waiting for changes")
	if err := source.Watch(ctx, func() {
		fmt.Fprintln(s.out)
		code = v.once(source, s)
		fmt.Fprintln(s.err, "waiting for changes")
	}); err != nil && ctx.Err() == nil {
		fmt.Fprintln(s.err, "lateen test:", err)
		return exitFailure
	}
	return code
}

// once reads the configuration and the cases, tests, and prints the results.
func (v *trial) once(source spec.Source, s streams) int {
	cases, err := gatewaytest.Files(v.cases...)
	suite := gatewaytest.Suite{Source: source, Semantics: v.semantics, Configure: func(b *gateway.Builder) {
		v.configure(b)
		b.Resolver(offline{})
	}}
	tester, problems := suite.Open()
	if v.verbose {
		v.printSkipped(s.err)
	}
	if err != nil || problems != nil {
		for _, e := range []error{problems, err} {
			if e != nil {
				printErrors(s.err, e)
			}
		}
		if tester != nil {
			_ = tester.Close()
		}
		return exitUsage
	}
	defer tester.Close()
	r := report{verbose: v.verbose}
	for _, c := range cases {
		result := gatewaytest.Result{Case: c}
		if v.run != nil && !v.run.MatchString(result.Name()) {
			continue
		}
		r.add(tester.Check(c))
	}
	if len(r.results) == 0 {
		fmt.Fprintf(s.err, "lateen test: no case has a name that --run %s matches\n", v.run)
		return exitUsage
	}
	r.coverage = tester.Coverage()
	if v.coverageFile != "" {
		if err := writeCoverage(v.coverageFile, r.coverage); err != nil {
			fmt.Fprintln(s.err, "lateen test:", err)
			return exitFailure
		}
	}
	r.required = v.minCoverage / 100
	r.showCoverage = v.coverage || r.lacksCoverage()
	if err := r.print(v.format, s); err != nil {
		fmt.Fprintln(s.err, "lateen test:", err)
		return exitFailure
	}
	if r.failed > 0 || r.lacksCoverage() {
		return exitFailure
	}
	return exitOK
}
