package istio

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// rule returns a DestinationRule as text.
func rule(name string) string {
	return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " + name + "}\nspec: {host: " + name + "}\n"
}

// rules returns the names of the DestinationRules that s declares.
func rules(t *testing.T, s *Source) []string {
	t.Helper()
	declared, err := s.Declare()
	require.NoError(t, err)
	return ruleNames(declared)
}

func ruleNames(declared spec.Declarations) []string {
	var names []string
	for _, r := range declared.DestinationRules {
		names = append(names, r.Namespace+"/"+r.Name)
	}
	return names
}

func write(t *testing.T, directory string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(directory, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	}
}

func TestFiles(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{
		"routes/b.yaml":       rule("b"),
		"routes/a.yml":        rule("a"),
		"routes/c.json":       `{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "c"}, "spec": {"host": "c"}}`,
		"routes/notes.txt":    "not: [yaml",
		"routes/sub/d.yaml":   rule("d"),
		"routes/z.yaml/e":     "",
		"routes/.#a.yaml":     "a: [",
		"more.configuration":  rule("first") + "---\n" + rule("second"),
		"empty/readme.md":     "",
		"broken/one.yaml":     "a: [",
		"broken/another.yaml": rule("another"),
	})
	at := func(name string) string { return filepath.Join(directory, name) }

	t.Run("a directory stands for its files by name", func(t *testing.T) {
		require.Equal(t, []string{"default/a", "default/b", "default/c"}, rules(t, Files(at("routes"))))
	})
	t.Run("files in the order given, whatever their extension", func(t *testing.T) {
		require.Equal(t, []string{"default/first", "default/second", "default/b"}, rules(t, Files(at("more.configuration"), at("routes/b.yaml"))))
	})
	t.Run("symbolic links are followed, as in a mounted ConfigMap", func(t *testing.T) {
		mount := t.TempDir()
		write(t, mount, map[string]string{"..data/a.yaml": rule("linked")})
		require.NoError(t, os.Symlink("..data/a.yaml", filepath.Join(mount, "a.yaml")))
		require.Equal(t, []string{"default/linked"}, rules(t, Files(mount)))
	})
	t.Run("what cannot be read does not hide the rest", func(t *testing.T) {
		declared, err := Files(at("missing.yaml"), at("empty"), at("broken")).Declare()
		require.EqualError(t, err, at("missing.yaml")+": cannot be read: no such file or directory\n"+
			at("empty")+": cannot be read: the directory contains no *.yaml, *.yml or *.json file\n"+
			at("broken/one.yaml")+":1:4: not readable as YAML: did not find expected node content")
		require.Equal(t, []string{"default/another"}, ruleNames(declared))
	})
	t.Run("every Declare reads anew", func(t *testing.T) {
		s := Files(at("routes/b.yaml"))
		require.Equal(t, []string{"default/b"}, rules(t, s))
		write(t, directory, map[string]string{"routes/b.yaml": rule("changed")})
		require.Equal(t, []string{"default/changed"}, rules(t, s))
	})
}

func TestFS(t *testing.T) {
	files := fstest.MapFS{
		"routes/b.yaml": {Data: []byte(rule("b"))},
		"routes/a.yaml": {Data: []byte(rule("a"))},
		"other.yml":     {Data: []byte(rule("other"))},
		"readme.md":     {Data: []byte("# Notes")},
	}
	require.Equal(t, []string{"default/other"}, rules(t, FS(files)))
	require.Equal(t, []string{"default/a", "default/b"}, rules(t, FS(files, "routes")))
	require.Equal(t, []string{"default/b", "default/other"}, rules(t, FS(files, "routes/b*", "*.yml")))

	_, err := FS(files, "nothing/*.yaml", "[", "other.yml").Declare()
	require.EqualError(t, err, "nothing/*.yaml: cannot be read: no file matches the pattern\n[: cannot be read: syntax error in pattern")
}

func TestReader(t *testing.T) {
	s := Reader("stdin", strings.NewReader(rule("a")))
	require.Equal(t, []string{"default/a"}, rules(t, s))
	require.Equal(t, []string{"default/a"}, rules(t, s), "a second Declare has the same text")

	_, err := Reader("stdin", iotest.ErrReader(errors.New("broken pipe"))).Declare()
	require.EqualError(t, err, "stdin: cannot be read: broken pipe")
}

func TestZeroSpecIsEmpty(t *testing.T) {
	declared, err := new(Source).Declare()
	require.NoError(t, err)
	require.Equal(t, spec.Declarations{}, declared)
}

func TestNamespace(t *testing.T) {
	text := rule("a") + "---\n" + strings.Replace(rule("b"), "{name: b}", "{name: b, namespace: own}", 1)
	require.Equal(t, []string{"default/a", "own/b"}, rules(t, Text(text)))
	require.Equal(t, []string{"shop/a", "own/b"}, rules(t, Text(text).Namespace("shop")))
}

func TestEmptyDocuments(t *testing.T) {
	for _, text := range []string{"", "\n", "---\n", "# a comment\n", "---\n---\n...\n", "--- # a comment\n", "null\n", "~", "\uFEFF", "\uFEFF---\n", "...", "%YAML 1.2\n---\n"} {
		declared, err := Text(text).Declare()
		require.NoError(t, err, "%q", text)
		require.Equal(t, spec.Declarations{}, declared, "%q", text)
	}
}

func TestEncodings(t *testing.T) {
	t.Run("a byte order mark is no text", func(t *testing.T) {
		declared, err := Text("\uFEFF" + rule("a") + "---\n" + rule("b")).Declare()
		require.NoError(t, err)
		require.Equal(t, 1, declared.DestinationRules[0].Origin.Column)
		require.Equal(t, 6, declared.DestinationRules[1].Origin.Line)
	})
	t.Run("lines may end as on Windows or on an old Macintosh", func(t *testing.T) {
		for _, end := range []string{"\r\n", "\r"} {
			text := strings.ReplaceAll("# a comment\n"+rule("a")+"---\n"+strings.Replace(rule("b"), "host", "hots", 1), "\n", end)
			declared, err := Text(text).Declare()
			require.EqualError(t, err, `spec:10:8: DestinationRule default/b: spec.hots: unknown field; did you mean "host"?`)
			require.Equal(t, []string{"default/a"}, ruleNames(declared))
		}
	})
	t.Run("other encodings are refused", func(t *testing.T) {
		_, err := Bytes("a.yaml", []byte("a: b\n\xe9t\xe9: c\n")).Declare()
		require.EqualError(t, err, "a.yaml:2:1: the text is not UTF-8")
		_, err = Bytes("a.yaml", []byte("a: \u00e9\xff")).Declare()
		require.EqualError(t, err, "a.yaml:1:5: the text is not UTF-8")
		_, err = Bytes("a.yaml", []byte("\xff\xfea\x00")).Declare()
		require.EqualError(t, err, "a.yaml:1:1: the text is UTF-16; it must be UTF-8")
	})
	t.Run("columns count characters", func(t *testing.T) {
		_, err := Text(strings.Replace(rule("a"), "{host: a}", `{host: "日本語", hots: a}`, 1)).Declare()
		require.EqualError(t, err, `spec:4:21: DestinationRule default/a: spec.hots: unknown field; did you mean "host"?`)
	})
}

func TestSyntaxErrorLeavesTheOtherDocuments(t *testing.T) {
	declared, err := Text(rule("a") + "---\na: [\n---\n" + rule("b") + "---\n\tx\n...\n" + rule("c")).Declare()
	require.EqualError(t, err, "spec:6:4: not readable as YAML: did not find expected node content\nspec:13:1: not readable as YAML: a tab cannot indent")
	require.Equal(t, []string{"default/a", "default/b", "default/c"}, ruleNames(declared))
}

func TestMarkersInsideScalarsAreText(t *testing.T) {
	text := `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: ["*"]
  http:
  - directResponse:
      status: 200
      body:
        string: |
          ---
          ...
          %YAML
`
	declared, err := Text(text).Declare()
	require.NoError(t, err)
	require.Equal(t, "---\n...\n%YAML\n", string(declared.VirtualServices[0].Routes[0].DirectResponse.Body))
}

func TestTheSameResourceTwice(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{"a.yaml": rule("a"), "b.yaml": "# b\n" + rule("b") + "---\n" + strings.Replace(rule("a"), "{host: a}", "{host: b}", 1)})
	_, err := Files(directory).Declare()
	b := filepath.Join(directory, "b.yaml")
	require.EqualError(t, err, b+":9:18: DestinationRule default/a: metadata.name: the resource is already in "+filepath.Join(directory, "a.yaml")+":1, with different contents")

	write(t, directory, map[string]string{"b.yaml": rule("b") + "---\n{kind: DestinationRule, spec: {\"host\": a}, metadata: {name: a}, apiVersion: networking.istio.io/v1beta1}\n"})
	declared, err := Files(directory).Declare()
	require.NoError(t, err, "equal copies are one resource")
	require.Len(t, declared.DestinationRules, 2)

	kinds := strings.ReplaceAll(rule("a"), "DestinationRule", "Gateway")
	kinds = strings.ReplaceAll(kinds, "{host: a}", "{servers: [{}]}")
	_, err = Text(rule("a") + "---\n" + kinds + "---\n" + strings.Replace(rule("a"), "{name", "{namespace: other, name", 1)).Declare()
	require.NoError(t, err, "other kinds and namespaces have names of their own")
}

func TestErrorsAreTyped(t *testing.T) {
	_, err := Bytes("a.yaml", []byte(strings.Replace(rule("a"), "{host: a}", "{hots: a}", 1))).Declare()
	var e *spec.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, spec.Finding{
		File: "a.yaml", Line: 4, Column: 8, Kind: "DestinationRule", Namespace: "default", Name: "a",
		Field: "spec.hots", Code: spec.CodeUnknownField, Problem: "unknown field", Suggestion: "host",
	}, e.Finding)
}

// Partly readable resources are separate: they are checked, but not served.
func TestIncompleteDeclarations(t *testing.T) {
	declared, err := Text(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: ["*"]
  http:
  - {name: good, route: [{destination: {host: a}}]}
  - {name: bad, rout: [{destination: {host: a}}]}
  - {name: zero, timeout: 0s, route: [{destination: {host: a}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: a}
spec:
  servers:
  - {prot: {number: 80}}
  - {port: {number: 81, name: http, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a, trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {}}}, subsets: [{name: v1}]}
`).Declare()
	require.Len(t, unjoin(err), 4)
	require.Empty(t, declared.VirtualServices)
	require.Empty(t, declared.Servers)
	require.Len(t, declared.DestinationRules, 1, "what is refused leaves no gap")
	var names []string
	for _, route := range declared.Incomplete.VirtualServices[0].Routes {
		names = append(names, route.Name+" "+route.Origin.Path)
	}
	require.Equal(t, []string{"good spec.http[0]", "bad spec.http[1]", "zero spec.http[2]"}, names)
	require.Len(t, declared.Incomplete.Servers, 2)
	require.Nil(t, declared.Incomplete.Incomplete)
}

func TestSeveralGoroutines(t *testing.T) {
	s := Bytes("many.yaml", manyRoutes(50))
	declared, err := s.Declare()
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			_, err := s.Declare()
			require.NoError(t, err)
			if i%2 == 0 {
				runtime.GC()
			}
			_, _, ok := declared.VirtualServices[0].Origin.Fields.Locate("spec.http[49].match[0].uri.prefix")
			require.True(t, ok)
		})
	}
	group.Wait()
}
