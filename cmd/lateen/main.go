// Command lateen serves Istio configuration, validates it, and says what a
// request would get.
//
//	lateen serve  -f FILE|DIR …   serves until SIGTERM or SIGINT
//	lateen check  -f FILE|DIR …   only validates
//	lateen decide -f FILE|DIR … METHOD URL
//	lateen test   -f FILE|DIR … CASES…
//	lateen diff OLD NEW           says which requests change
//	lateen compare -f FILE|DIR … --config-dump FILE
//	lateen export -f FILE|DIR …   writes it as Istio resources
//
// It exits 0 if all went well, 2 if the configuration or the command line is
// wrong, and 1 after any other failure. Of diff and compare, 1 means that there are
// changes, and 2 any failure.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/lateengo/gateway/internal/suggest"
)

// The codes that lateen exits with.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

// A streams is where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// A command is one of lateen's.
type command struct {
	name, synopsis, about string
	run                   func(c *command, args []string, s streams) int
}

func commands() []*command {
	return []*command{
		{"serve", "-f FILE|DIR [-f …] | --kube [flags]", "serve a configuration until SIGTERM or SIGINT", runServe},
		{"check", "-f FILE|DIR [-f …] [flags]", "validate a configuration", runCheck},
		{"decide", "-f FILE|DIR [-f …] [flags] METHOD URL", "say what a request would get, without serving it", runDecide},
		{"explain", "-f FILE|DIR [-f …] [flags] METHOD URL", "say what a request would get and why, step by step", runExplain},
		{"routes", "-f FILE|DIR [-f …] [flags]", "print all routes, without serving them", runRoutes},
		{"test", "-f FILE|DIR [-f …] [flags] CASES…", "check what requests get against case files", runTest},
		{"diff", "OLD NEW [flags]", "say which requests change between files, directories or git revisions", runDiff},
		{"compare", "-f FILE|DIR [-f …] --config-dump FILE [flags]", "say which requests a cluster answers otherwise", runCompare},
		{"export", "-f FILE|DIR [-f …] [-o FILE|DIR] [flags]", "write a configuration as Istio resources, in canonical form", runExport},
		{"completion", "bash|zsh|fish", "print a script that completes command lines in a shell", runCompletion},
		{"version", "", "print the version", runVersion},
		{"help", "[COMMAND|TOPIC]", "print how to use lateen, one of its commands, or a topic", runHelp},
	}
}

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

func run(args []string, s streams) int {
	if len(args) == 0 {
		printHelp(s.err)
		return exitUsage
	}
	name := args[0]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	var names []string
	for _, c := range commands() {
		if c.name == name {
			return c.run(c, args[1:], s)
		}
		names = append(names, c.name)
	}
	message := fmt.Sprintf("lateen: there is no command %q", name)
	if meant := suggest.Closest(name, names); meant != "" {
		message += fmt.Sprintf("; did you mean %q?", meant)
	}
	fmt.Fprintln(s.err, message)
	fmt.Fprintln(s.err, "lateen help lists the commands")
	return exitUsage
}

func printHelp(w io.Writer) {
	fmt.Fprintln(w, "lateen is an Istio ingress gateway in one process.")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  lateen %-11s %s\n", c.name, c.about)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "lateen help COMMAND prints the flags of a command.")
	fmt.Fprintln(w, "lateen help TOPIC explains: "+strings.Join(topics(), ", ")+".")
}

func runHelp(c *command, args []string, s streams) int {
	if len(args) == 0 {
		printHelp(s.out)
		return exitOK
	}
	if text, ok := topic(args[0]); ok {
		fmt.Fprint(s.out, text)
		return exitOK
	}
	for _, other := range commands() {
		if other.name != args[0] {
			continue
		}
		if len(flagsOf(other)) == 0 {
			fmt.Fprintf(s.out, "%s\n\n%s.\n", strings.TrimSpace("usage: lateen "+other.name+" "+other.synopsis), strings.ToUpper(other.about[:1])+other.about[1:])
			return exitOK
		}
		return run([]string{other.name, "-h"}, s)
	}
	message := fmt.Sprintf("there is no command and no topic %q", args[0])
	if meant := suggest.Closest(args[0], helpNames()); meant != "" {
		message += fmt.Sprintf("; did you mean %q?", meant)
	}
	return c.misused(s, errors.New(message))
}

func runVersion(_ *command, _ []string, s streams) int {
	fmt.Fprintln(s.out, "lateen", version())
	return exitOK
}

// modulePath is the path of the module of the library.
const modulePath = "github.com/lateengo/gateway"

// version returns the version of this program, or "(devel)".
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// parse reads flags, which may stand before, between and after the arguments that
// it returns. done says that the command is over, with code.
func (c *command) parse(flags *flag.FlagSet, args []string, s streams) (rest []string, code int, done bool) {
	if asked, ok := s.out.(*flagCollector); ok {
		flags.VisitAll(func(f *flag.Flag) { asked.flags = append(asked.flags, f) })
		return nil, exitOK, true
	}
	flags.SetOutput(io.Discard)
	for {
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			c.usage(flags, s.out)
			return nil, exitOK, true
		}
		if err != nil {
			return nil, c.misused(s, withSuggestion(flags, err)), true
		}
		left := flags.Args()
		if len(left) == 0 {
			return rest, 0, false
		}
		if at := len(args) - len(left); at > 0 && args[at-1] == "--" {
			return append(rest, left...), 0, false
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// usage prints how the command is used.
func (c *command) usage(flags *flag.FlagSet, w io.Writer) {
	fmt.Fprintf(w, "usage: lateen %s %s\n\n%s.\n\n", c.name, c.synopsis, strings.ToUpper(c.about[:1])+c.about[1:])
	flags.VisitAll(func(f *flag.Flag) {
		value, about := flag.UnquoteUsage(f)
		dashes := "--"
		if len(f.Name) == 1 {
			dashes = "-"
		}
		fmt.Fprintf(w, "  %s\n        %s\n", strings.TrimSpace(dashes+f.Name+" "+value), strings.ReplaceAll(about, "\n", "\n        "))
	})
}

// misused reports a wrong command line.
func (c *command) misused(s streams, err error) int {
	if _, asked := s.out.(*flagCollector); asked {
		return exitUsage // a command without flags
	}
	fmt.Fprintf(s.err, "lateen %s: %v\n", c.name, err)
	fmt.Fprintf(s.err, "usage: lateen %s %s\n", c.name, c.synopsis)
	if len(flagsOf(c)) > 0 {
		fmt.Fprintf(s.err, "lateen help %s lists the flags\n", c.name)
	}
	return exitUsage
}

// withSuggestion adds the flag that was probably meant to the error of one that
// there is not, and writes others as lateen writes flags.
func withSuggestion(flags *flag.FlagSet, err error) error {
	unknown, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: ")
	if !ok {
		text := err.Error()
		flags.VisitAll(func(f *flag.Flag) {
			if len(f.Name) > 1 {
				text = strings.Replace(text, " for flag -"+f.Name+":", " for flag --"+f.Name+":", 1)
			}
		})
		return errors.New(text)
	}
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	unknown = strings.TrimLeft(unknown, "-")
	if meant := suggest.Closest(unknown, names); meant != "" {
		return fmt.Errorf("there is no flag --%s; did you mean --%s?", unknown, meant)
	}
	return fmt.Errorf("there is no flag --%s", unknown)
}
