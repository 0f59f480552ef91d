// Package istio reads Istio-style resources, in YAML or JSON, as the declarations
// of a gateway.
//
//	gw, err := gateway.New().Load(istio.Files("gateway.yaml", "routes/")).Build()
//
// It reads Gateway, VirtualService, DestinationRule, ServiceEntry and WorkloadEntry
// of networking.istio.io (v1alpha3, v1beta1, v1) with the schema of the official
// istio.io/api types, and RateLimitConfig, also that of solo.io. Of Telemetry it reads
// what concerns traces, and of EnvoyFilter those that only limit requests. A document
// without a kind, with the keys domain and descriptors, is the configuration of
// envoyproxy/ratelimit, and so is the file in a ConfigMap. Of Kubernetes, it reads Services with their endpoints (EndpointSlice,
// Endpoints, Pod, Node), and the Secrets that a credentialName may name: of these, only the
// fields that matter. Decoding is strict. These are errors with their place: a key that is
// unknown, misspelled, in the wrong letter case or repeated, a value of the wrong
// type, and a field of Istio that Lateen does not execute. Scalars mean the same as
// in Kubernetes: an unquoted yes is a boolean, and 1 is not a string. Objects of other kinds are in Declarations.Skipped, except
// those that may change a gateway's behavior: other EnvoyFilters, WasmPlugin and
// ProxyConfig are warnings. AuthorizationPolicy and RequestAuthentication are
// errors if they apply to the gateway.
//
// The package checks only the text. The gateway's Build checks what the
// declarations mean, and whether they fit together.
//
// Write is the reverse: it writes declarations as resources, whether they were read or
// declared in Go.
package istio

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/lateengo/gateway/spec"
)

// DefaultNamespace is the namespace of resources without one.
const DefaultNamespace = "default"

// A Source is a [spec.Source] of resources in text form. The zero Source is empty.
// A Source is immutable, and safe for concurrent use.
type Source struct {
	namespace string
	recursive bool
	open      func(recursive bool) []named
	// memory can be nil.
	memory *Memory
}

var _ spec.Source = (*Source)(nil)

// Files reads files and directories, in the given order. It reads a directory like
// kubectl apply -f: its *.yaml, *.yml and *.json files in the order of their names,
// without subdirectories. It skips text in them that is not a resource. It does not
// read the templates of a Helm chart, and warns once of them. A path without a
// resource that is read is an error. Every Declare reads the files again.
func Files(paths ...string) *Source {
	return &Source{open: func(recursive bool) []named { return readFiles(paths, recursive) }}
}

// FS reads the files of fsys that match patterns, in the syntax of [path.Match].
// The files of each pattern are in the order of their names. A matching directory
// means its files, as with Files. No pattern means the root directory. Every
// Declare reads the files again.
func FS(fsys fs.FS, patterns ...string) *Source {
	return &Source{open: func(recursive bool) []named { return readFS(fsys, patterns, recursive) }}
}

// Reader reads r to its end at the first Declare. Findings show the name as that of
// the file. It is an error if there is no resource that is read.
func Reader(name string, r io.Reader) *Source {
	read := sync.OnceValue(func() []named {
		data, err := io.ReadAll(r)
		return []named{{name: name, inputs: []input{{name: name, data: data, err: err}}}}
	})
	return &Source{open: func(bool) []named { return read() }}
}

// Bytes reads data, which must not change. Findings show the name as that of the
// file.
func Bytes(name string, data []byte) *Source {
	all := []named{{name: name, inputs: []input{{name: name, data: data}}, text: true}}
	return &Source{open: func(bool) []named { return all }}
}

// Text reads resources from a string, such as a literal in a test. Findings show it
// as "spec".
func Text(text string) *Source { return Bytes("spec", []byte(text)) }

// Namespace returns a Source with another default namespace for resources without
// one, instead of DefaultNamespace.
func (s *Source) Namespace(namespace string) *Source {
	return &Source{namespace: namespace, recursive: s.recursive, open: s.open, memory: s.memory}
}

// Recursive returns a Source that also reads the subdirectories of its directories,
// like kubectl apply -R. It skips subdirectories whose names begin with a dot, and
// does not follow links to directories.
func (s *Source) Recursive() *Source {
	return &Source{namespace: s.namespace, recursive: true, open: s.open, memory: s.memory}
}

// Read reads the files now, and returns a Source of what is in them at present. The files
// that they name in turn are read by its Declare.
func (s *Source) Read() spec.Source {
	if s.open == nil {
		return s
	}
	all := s.open(s.recursive)
	return &Source{namespace: s.namespace, recursive: s.recursive, open: func(bool) []named { return all }, memory: s.memory}
}

// Declare reads the current resources. The error joins a *spec.Error for each
// problem. Declare still returns the resources without problems.
func (s *Source) Declare() (spec.Declarations, error) {
	l := newLoader(s.namespace)
	l.memory = s.memory
	s.memory.begin()
	defer s.memory.end()
	if s.open != nil {
		for _, n := range s.open(s.recursive) {
			l.named(&n)
		}
	}
	l.joinEnvoyLimits()
	l.joinServices()
	l.warnOfKustomizations()
	joined := make([]error, len(l.errors))
	for i, e := range l.errors {
		joined[i] = e
	}
	return l.declared, errors.Join(joined...)
}
