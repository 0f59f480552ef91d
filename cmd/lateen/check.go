package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func runCheck(c *command, args []string, s streams) int {
	var config configuration
	format := findingFormats[0]
	var strict bool
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addFlags(flags)
	flags.BoolVar(&strict, "strict", false, "fail with exit code 1 if there is a warning")
	flags.Func("format", "`FORM` of the findings: text (the default), json, github (annotations of a workflow) or sarif", func(text string) error {
		if !slices.Contains(findingFormats, text) {
			return expected(findingFormats, text)
		}
		format = text
		return nil
	})
	flags.BoolFunc("json", "the same as --format json", func(string) error {
		format = "json"
		return nil
	})
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
	warnings := b.Warnings()
	if err == nil {
		defer gw.Close()
		var doubts []spec.Warning
		doubts, err = config.checkTLS(gw)
		warnings = withShadows(slices.Concat(warnings, doubts), gw.Shadows())
	}
	found := newChecked(err, warnings, config.declared.Skipped)
	code = exitOK
	switch {
	case err != nil:
		code = exitUsage
	case strict && len(warnings) > 0:
		code = exitFailure
	}
	if err == nil {
		found.sum(gw.String())
	}
	switch format {
	case "json":
		err = found.writeJSON(s.out, code == exitOK)
	case "github":
		found.writeGitHub(s.out)
		fmt.Fprintln(s.err, result(found, code))
		err = nil
	case "sarif":
		err = found.writeSARIF(s.out)
	default:
		config.printFindings(s.err, warnings)
		if err != nil {
			printErrors(s.err, err)
			return code
		}
		if code != exitOK {
			fmt.Fprintln(s.err, result(found, code))
			return code
		}
		fmt.Fprintln(s.out, result(found, code))
	}
	if err != nil {
		fmt.Fprintln(s.err, "lateen check:", err)
		return exitFailure
	}
	return code
}

// checkTLS reads the certificates of TLS servers. Those that are not there are a warning: the
// files may be those of a cluster, where secrets are.
func (c *configuration) checkTLS(gw *gateway.Gateway) (warnings []spec.Warning, err error) {
	unusable, warnings := server.CheckTLS(gw, server.Config{Credentials: c.serverCredentials()})
	var problems []error
	for _, e := range unusable {
		if e.Code != spec.CodeNotFound {
			problems = append(problems, e)
			continue
		}
		missing := spec.Warning{Finding: e.Finding}
		missing.Code = "IST0101"
		warnings = append(warnings, missing)
	}
	return warnings, errors.Join(problems...)
}

// result is the last line of check.
func result(c *checked, code int) string {
	switch code {
	case exitOK:
		return "ok: " + c.summary()
	case exitFailure:
		return "failed, as --strict asks: " + c.summary()
	}
	return fmt.Sprintf("failed: %s, %s", count(len(c.errors), "error"), count(len(c.warnings), "warning"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
