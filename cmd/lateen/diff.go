package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// A changesFormat is how changes are printed.
type changesFormat struct{ json, markdown bool }

func (f *changesFormat) addFlags(flags *flag.FlagSet) {
	flags.BoolVar(&f.json, "json", false, "print the changes as JSON")
	flags.BoolVar(&f.markdown, "markdown", false, "print the changes as a comment for a pull request")
}

func (f *changesFormat) check() error {
	if f.json && f.markdown {
		return errors.New("one of --json and --markdown is expected")
	}
	return nil
}

// print prints changes, and returns the exit code: that of diff(1).
func (f *changesFormat) print(c *command, s streams, changes *inspect.Changes) int {
	switch {
	case f.json:
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(changes); err != nil {
			fmt.Fprintf(s.err, "lateen %s: %v\n", c.name, err)
			return exitUsage
		}
	case f.markdown:
		fmt.Fprint(s.out, changes.Markdown())
	default:
		fmt.Fprint(s.out, changes.String())
	}
	if changes.Empty() {
		return exitOK
	}
	return exitFailure
}

func runDiff(c *command, args []string, s streams) int {
	var config configuration
	var format changesFormat
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	format.addFlags(flags)
	config.addReadingFlags(flags)
	config.addGatewayFlags(flags)
	config.addBackendFlag(flags)
	config.strict.addFlags(flags)
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if err := format.check(); err != nil {
		return c.misused(s, err)
	}
	if len(rest) != 2 {
		return c.misused(s, fmt.Errorf("%s given: OLD and NEW are expected", count(len(rest), "argument")))
	}
	if rest[0] == "-" && rest[1] == "-" {
		return c.misused(s, errors.New("the standard input can be read once"))
	}
	var blobs blobReader
	defer blobs.close()
	var sources [2]spec.Source
	for i, arg := range rest {
		var err error
		if sources[i], err = config.sourceOf(arg, &blobs, s); err != nil {
			return c.misused(s, err)
		}
	}
	gateways, errs := buildBoth(&config, sources)
	for i, gw := range gateways {
		if gw != nil {
			defer gw.Close()
		}
		if errs[i] != nil {
			printErrors(s.err, errs[i])
		}
	}
	if errs != [2]error{} {
		return exitUsage
	}
	changes := gateways[0].Changes(gateways[1], inspect.Comparing{})
	return format.print(c, s, &changes)
}

// sourceOf returns the configuration that an argument names: a file, a directory, the
// standard input, or a path in a git revision.
func (c *configuration) sourceOf(arg string, blobs *blobReader, s streams) (spec.Source, error) {
	var source *istio.Source
	switch {
	case arg == "-":
		source = istio.Reader("stdin", s.in)
	case isRevision(arg):
		r, err := newRevision(arg)
		if err != nil {
			return nil, err
		}
		files, err := r.files(blobs)
		if err != nil {
			return nil, err
		}
		source = istio.FS(files, files.shown(r.path))
	default:
		if _, err := os.Stat(arg); err != nil {
			return nil, fmt.Errorf("%q: %w", arg, underlying(err))
		}
		source = istio.Files(arg)
	}
	if c.recursive {
		source = source.Recursive()
	}
	return source.Namespace(c.namespace), nil
}

// underlying returns an error about a file without the name of the file.
func underlying(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// buildBoth builds two configurations with the same flags.
func buildBoth(c *configuration, sources [2]spec.Source) (gateways [2]*gateway.Gateway, errs [2]error) {
	var both sync.WaitGroup
	for i := range sources {
		both.Go(func() {
			gateways[i], errs[i] = c.dryOf(sources[i]).Build()
		})
	}
	both.Wait()
	return gateways, errs
}
