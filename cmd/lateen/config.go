package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// A configuration is what the flags say that all commands have.
type configuration struct {
	files              []string
	recursive, verbose bool
	backends           []backend
	semantics          gateway.Semantics
	normalization      spec.PathNormalization
	trusted            int
	namespace          string
	workloadNamespace  string
	workloadLabels     map[string]string
	locality           string
	credentials        []credential
	strict             strictness
	// rereads means that the files are read again and again.
	rereads bool
	// declared is what the files hold, once they were read.
	declared spec.Declarations
}

// A backend is what a destination's name leads to.
type backend struct{ name, url string }

// addFlags defines the flags that all commands have that need backends.
func (c *configuration) addFlags(flags *flag.FlagSet) {
	c.addFileFlags(flags)
	c.addBackendFlag(flags)
}

func (c *configuration) addBackendFlag(flags *flag.FlagSet) {
	flags.Func("backend", "`NAME=URL` is the backend of a destination: NAME is HOST[:PORT][/SUBSET], or * for all others.\nURL is http, https, h2c or unix. May be repeated.", c.addBackend)
}

// addSourceFlags defines the flags that say what to read.
func (c *configuration) addSourceFlags(flags *flag.FlagSet) {
	flags.Func("f", "`FILE` or directory of resources, in YAML or JSON; - is the standard input. May be repeated.", func(path string) error {
		if path == "-" && slices.Contains(c.files, path) {
			return errors.New("the standard input can be read once")
		}
		c.files = append(c.files, path)
		return nil
	})
	const verbose = "print each object that is skipped, with its place"
	flags.BoolVar(&c.verbose, "v", false, verbose)
	flags.BoolVar(&c.verbose, "verbose", false, verbose)
	c.addReadingFlags(flags)
}

// addReadingFlags defines the flags that say how to read it.
func (c *configuration) addReadingFlags(flags *flag.FlagSet) {
	const recursive = "read the subdirectories of directories too"
	flags.BoolVar(&c.recursive, "R", false, recursive)
	flags.BoolVar(&c.recursive, "recursive", false, recursive)
	flags.StringVar(&c.namespace, "namespace", istio.DefaultNamespace, "`NS` is the namespace of resources that name none (default by default)")
}

// addFileFlags defines the flags of a gateway that is made of files.
func (c *configuration) addFileFlags(flags *flag.FlagSet) {
	c.addSourceFlags(flags)
	c.addGatewayFlags(flags)
}

// addGatewayFlags defines the flags that say how to build a gateway, but for backends.
func (c *configuration) addGatewayFlags(flags *flag.FlagSet) {
	c.workloadNamespace = "istio-system"
	flags.Func("semantics", "`MODE` is native (the default) or envoy, which answers byte for byte as Envoy does", c.setSemantics)
	flags.Func("path-normalization", "`MODE` is NONE, BASE (the default), MERGE_SLASHES or DECODE_AND_MERGE_SLASHES", c.setNormalization)
	flags.Func("trusted-proxies", "`N` is the number of your own proxies in front: their x-forwarded-* headers are trusted (0 by default)", func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return errors.New("a number from 0 is expected")
		}
		c.trusted = n
		return nil
	})
	flags.StringVar(&c.workloadNamespace, "workload-namespace", c.workloadNamespace, "`NS` is the gateway's own namespace, for exportTo and sourceNamespace (istio-system by default)")
	flags.Func("workload-labels", "`KEY=VALUE,…` are the labels of the gateway, for selectors; without labels it serves every Gateway", c.setLabels)
	flags.Func("locality", "`REGION[/ZONE[/SUBZONE]]` is where the gateway runs; without it, all endpoints are equally near", c.setLocality)
	flags.Func("credential", "`NAME=CERT,KEY[,CA[,CRL[,OCSP]]]` are the PEM files of credentialName: NAME, and an OCSP response to staple. May be repeated.", c.addCredential)
}

func (c *configuration) addBackend(text string) error {
	name, url, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("HOST[:PORT][/SUBSET]=URL is expected")
	}
	if slices.ContainsFunc(c.backends, func(b backend) bool { return b.name == name }) {
		return fmt.Errorf("%s is given twice", name)
	}
	if _, err := upstream.FromURL(url); err != nil {
		return err
	}
	c.backends = append(c.backends, backend{name, url})
	return nil
}

func (c *configuration) setSemantics(text string) error {
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		if text == s.String() {
			c.semantics = s
			return nil
		}
	}
	return expected([]string{"native", "envoy"}, text)
}

func (c *configuration) setNormalization(text string) error {
	var names []string
	for _, n := range []spec.PathNormalization{
		spec.NormalizeNone, spec.NormalizeBase, spec.NormalizeMergeSlashes, spec.NormalizeDecodeAndMergeSlashes,
	} {
		if text == n.String() {
			c.normalization = n
			return nil
		}
		names = append(names, n.String())
	}
	if text == "DEFAULT" {
		c.normalization = spec.NormalizeBase
		return nil
	}
	return expected(names, text)
}

// expected is the error of a word that is none of those that may stand.
func expected(words []string, text string) error {
	message := "one of " + strings.Join(words, ", ") + " is expected"
	if meant := suggest.Closest(text, words); meant != "" {
		message += fmt.Sprintf("; did you mean %s?", meant)
	}
	return errors.New(message)
}

func (c *configuration) setLabels(text string) error {
	if c.workloadLabels == nil {
		c.workloadLabels = map[string]string{}
	}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return errors.New("KEY=VALUE,… is expected")
		}
		c.workloadLabels[key] = value
	}
	return nil
}

func (c *configuration) setLocality(text string) error {
	parts := strings.Split(text, "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return errors.New("REGION[/ZONE[/SUBZONE]] is expected")
	}
	c.locality = text
	return nil
}

// builder returns the Builder that the flags describe, without backends and without the
// files.
func (c *configuration) builder() *gateway.Builder {
	b := gateway.New()
	c.configure(b)
	return b
}

// configure makes the settings of the flags.
func (c *configuration) configure(b *gateway.Builder) {
	b.Semantics(c.semantics).PathNormalization(c.normalization).TrustedProxies(c.trusted).
		Namespace(c.namespace).Workload(c.workloadNamespace, c.workloadLabels).Locality(c.locality)
	c.strict.set(b)
	for i := range c.credentials {
		b.Credential(c.credentials[i].name, c.credentials[i].Credential)
	}
}

// source returns the files that the flags name, in order.
func (c *configuration) source(s streams) spec.Source {
	all := &inOrder{declared: &c.declared}
	var paths []string
	files := func() {
		if len(paths) > 0 {
			files := istio.Files(paths...).Namespace(c.namespace)
			if c.recursive {
				files = files.Recursive()
			}
			if c.rereads {
				files = files.Remember(new(istio.Memory))
			}
			all.sources = append(all.sources, files)
			paths = nil
		}
	}
	for _, path := range c.files {
		if path == "-" {
			files()
			all.sources = append(all.sources, istio.Reader("stdin", s.in).Namespace(c.namespace))
			continue
		}
		paths = append(paths, path)
	}
	files()
	return all
}

// An inOrder is several sources, the declarations of which it joins. It notes them.
type inOrder struct {
	sources  []spec.Source
	declared *spec.Declarations
}

// Read reads the files of the sources that have some.
func (o *inOrder) Read() spec.Source {
	read := &inOrder{sources: slices.Clone(o.sources), declared: o.declared}
	for i, s := range read.sources {
		if s, ok := s.(interface{ Read() spec.Source }); ok {
			read.sources[i] = s.Read()
		}
	}
	return read
}

func (o *inOrder) Declare() (spec.Declarations, error) {
	var all spec.Declarations
	var problems []error
	for _, s := range o.sources {
		d, err := s.Declare()
		all.Append(d)
		problems = append(problems, err)
	}
	*o.declared = all
	return all, errors.Join(problems...)
}

// dry returns the Builder for a command that serves nothing: backends are there,
// but nobody calls them.
func (c *configuration) dry(s streams) *gateway.Builder { return c.dryOf(c.source(s)) }

// dryOf is dry for other files than those of the flags.
func (c *configuration) dryOf(source spec.Source) *gateway.Builder {
	b := c.builder().Load(source).Resolver(offline{})
	for _, to := range c.backends {
		b.Backend(to.name, http.NotFoundHandler())
	}
	return b
}

// check reports what is missing on the command line.
func (c *configuration) check() error {
	if len(c.files) == 0 {
		return errors.New("no configuration is given: -f FILE is expected")
	}
	return nil
}

// printErrors prints the errors of a Build, one on each line.
func printErrors(w io.Writer, err error) {
	for _, f := range findingsOf(err) {
		fmt.Fprintln(w, oneLine(f.String()))
	}
}

// printWarnings prints warnings, one on each line.
func printWarnings(w io.Writer, warnings []spec.Warning) {
	for i := range warnings {
		text := spec.Warning{Finding: onCommandLine(warnings[i].Finding)}
		fmt.Fprintln(w, "warning:", oneLine(text.String()))
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
