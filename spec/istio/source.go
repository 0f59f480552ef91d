// Package istio reads Istio-style resources, in YAML or JSON, as the
// declarations of a gateway.
//
//	gw, err := gateway.New().Load(istio.Files("gateway.yaml", "routes/")).Build()
//
// It reads Gateway, VirtualService, DestinationRule, ServiceEntry and WorkloadEntry of
// networking.istio.io (v1alpha3, v1beta1, v1) with the schema of the official
// istio.io/api types, and RateLimitConfig. Decoding is strict: a key that is
// unknown, misspelled, in the wrong letter case or written twice, a value of
// the wrong type, and a field that Istio knows but Lateen does not execute are
// errors with their place. Scalars mean what Kubernetes takes them for: an
// unquoted yes is a boolean, and 1 is no string. Objects of other kinds are in
// Declarations.Skipped, except those that may change what a gateway does:
// EnvoyFilter, WasmPlugin and ProxyConfig are warnings, AuthorizationPolicy and
// RequestAuthentication are errors where they apply to the gateway.
//
// The package checks what is about the text. What the declarations mean, and
// whether they fit together, is for the gateway's Build to say.
package istio

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/lateengo/gateway/spec"
)

// DefaultNamespace is the namespace of resources that do not name one.
const DefaultNamespace = "default"

// A Source is a [spec.Source] of resources in text form. The zero Source holds
// none. It is immutable, and may be used by several goroutines.
type Source struct {
	namespace string
	recursive bool
	open      func(recursive bool) []named
}

var _ spec.Source = (*Source)(nil)

// Files reads files and directories, in the order given. A directory is read as
// kubectl apply -f reads it: it stands for its *.yaml, *.yml and *.json files in
// the order of their names, without its subdirectories. Text in them that is not
// a resource is skipped, and the templates of a Helm chart are not read: a warning
// says so once. A path that holds no resource that is read is an error. Every
// Declare reads the files anew.
func Files(paths ...string) *Source {
	return &Source{open: func(recursive bool) []named { return readFiles(paths, recursive) }}
}

// FS reads the files of fsys that match patterns, in the syntax of
// [path.Match]; each pattern's in the order of their names. A match that is a
// directory stands for its files, as with Files. No pattern is the root
// directory. Every Declare reads them anew.
func FS(fsys fs.FS, patterns ...string) *Source {
	return &Source{open: func(recursive bool) []named { return readFS(fsys, patterns, recursive) }}
}

// Reader reads r to its end at the first Declare. The name stands for the
// file's in findings. A Reader that holds no resource that is read is an error.
func Reader(name string, r io.Reader) *Source {
	read := sync.OnceValue(func() []named {
		data, err := io.ReadAll(r)
		return []named{{name: name, inputs: []input{{name: name, data: data, err: err}}}}
	})
	return &Source{open: func(bool) []named { return read() }}
}

// Bytes reads data, which must not change. The name stands for the file's in
// findings.
func Bytes(name string, data []byte) *Source {
	all := []named{{name: name, inputs: []input{{name: name, data: data}}, text: true}}
	return &Source{open: func(bool) []named { return all }}
}

// Text reads resources out of a string, such as a literal of a test. Findings
// show it as "spec".
func Text(text string) *Source { return Bytes("spec", []byte(text)) }

// Namespace returns a Source that puts the resources which do not name a
// namespace into this one instead of DefaultNamespace.
func (s *Source) Namespace(namespace string) *Source {
	return &Source{namespace: namespace, recursive: s.recursive, open: s.open}
}

// Recursive returns a Source that also reads the subdirectories of its
// directories, as kubectl apply -R does. Those whose names begin with a dot are
// left out, and links to directories are not followed.
func (s *Source) Recursive() *Source {
	return &Source{namespace: s.namespace, recursive: true, open: s.open}
}

// Declare reads the resources as they are now. The error joins a
// *spec.Error for each problem; resources without one are returned all the
// same.
func (s *Source) Declare() (spec.Declarations, error) {
	l := loader{namespace: s.namespace, seen: make(map[identity]place)}
	if l.namespace == "" {
		l.namespace = DefaultNamespace
	}
	if s.open != nil {
		for _, n := range s.open(s.recursive) {
			l.named(&n)
		}
	}
	l.warnOfKustomizations()
	joined := make([]error, len(l.errors))
	for i, e := range l.errors {
		joined[i] = e
	}
	return l.declared, errors.Join(joined...)
}
