package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lateengo/gateway/spec/istio"
)

// limitForms are the words of --rate-limits.
var limitForms = map[string]istio.LimitForm{"ratelimitconfig": istio.LimitsAsRateLimitConfig, "envoyfilter": istio.LimitsAsEnvoyFilter}

func runExport(c *command, args []string, s streams) int {
	var config configuration
	var options istio.WriteOptions
	var to string
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addSourceFlags(flags)
	flags.StringVar(&to, "o", "", "`FILE|DIR` is where to write: into a directory, one file for each kind. Without it, to the standard output.")
	flags.Func("rate-limits", "`FORM` of rate limits is ratelimitconfig (the default), which only Lateen reads, or envoyfilter, for Istio", func(text string) error {
		form, ok := limitForms[text]
		if !ok {
			return expected([]string{"ratelimitconfig", "envoyfilter"}, text)
		}
		options.RateLimits = form
		return nil
	})
	flags.BoolVar(&options.Kubernetes, "kubernetes", false, "write the Services of Kubernetes too, with what is read of their endpoints: for Lateen, not to be applied")
	flags.BoolVar(&options.Secrets, "secrets", false, "write Secrets too, with their private keys")
	flags.BoolVar(&options.Partial, "partial", false, "write all the rest if something has no form in Istio, and a comment in place of it")
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
	declared, err := config.source(s).Declare()
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	options.Namespace = config.namespace
	documents, warnings, err := istio.Documents(&declared, &options)
	config.printFindings(s.err, warnings)
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	if err := writeDocuments(documents, to, options.Secrets, s); err != nil {
		fmt.Fprintln(s.err, "lateen export:", err)
		return exitFailure
	}
	return exitOK
}

// writeDocuments writes documents to a file, into a directory, or to the standard output.
func writeDocuments(documents []istio.Document, to string, secret bool, s streams) error {
	mode := os.FileMode(0o644)
	if secret {
		mode = 0o600
	}
	info, err := os.Stat(to)
	switch {
	case to == "":
		_, err := s.out.Write(joined(documents))
		return err
	case err == nil && info.IsDir():
	case strings.HasSuffix(to, "/") || strings.HasSuffix(to, string(filepath.Separator)):
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
	default:
		return os.WriteFile(to, joined(documents), mode)
	}
	var failures []error
	for len(documents) > 0 {
		name, n := fileOf(&documents[0]), 1
		for n < len(documents) && fileOf(&documents[n]) == name {
			n++
		}
		failures = append(failures, os.WriteFile(filepath.Join(to, name), joined(documents[:n]), mode))
		documents = documents[n:]
	}
	return errors.Join(failures...)
}

// fileOf returns the name of the file for the documents of a kind.
func fileOf(d *istio.Document) string {
	if d.Kind == "" {
		return "ratelimit.yaml"
	}
	return strings.ToLower(d.Kind) + ".yaml"
}

func joined(documents []istio.Document) []byte {
	var text []byte
	for i := range documents {
		if i > 0 {
			text = append(text, "---\n"...)
		}
		text = append(text, documents[i].Text...)
	}
	return text
}
