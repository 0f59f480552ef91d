package gatewaytest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// TestMalformedFiles compares the errors of files with golden ones.
func TestMalformedFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/malformed/*.[yj]*")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Ext(file) == ".txt" })
	require.Len(t, files, 6)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cases, err := Files(file)
			require.Error(t, err)
			require.Empty(t, cases)
			for e := range spec.Errors(err) {
				require.Equal(t, file, e.File)
			}
			golden(t, file+".txt", strings.TrimSpace(err.Error())+"\n")
		})
	}
}

func TestFilesOfDirectories(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	const one = "cases: [{name: NAME, request: {url: http://a.com/}, expect: {route: a}}]"
	put("b.yaml", strings.Replace(one, "NAME", "b", 1))
	put("a.yml", strings.Replace(one, "NAME", "a", 1)+"\n---\n"+strings.Replace(one, "NAME", "a2", 1))
	put("deeper/c.json", `{"cases": [{"name": "c", "request": {"url": "http://a.com/"}, "expect": {"route": "a"}}]}`)
	put("gateway.yaml", "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}")
	put("values.yaml", "replicas: 3")
	put(".hidden/d.yaml", "cases: 7")
	put("notes.txt", "cases: 7")
	names := func(paths ...string) (names []string) {
		cases, err := Files(paths...)
		require.NoError(t, err)
		for i := range cases {
			names = append(names, cases[i].Name)
		}
		return names
	}
	require.Equal(t, []string{"a", "a2", "b", "c"}, names(dir))
	require.Equal(t, []string{"b", "c"}, names(filepath.Join(dir, "b.yaml"), filepath.Join(dir, "deeper")))

	fails := func(want string, paths ...string) {
		t.Helper()
		_, err := Files(paths...)
		require.ErrorContains(t, err, want)
	}
	fails("there is no case", filepath.Join(dir, "gateway.yaml"))
	fails("found the keys replicas", filepath.Join(dir, "values.yaml"))
	fails("cannot be read: no such file", filepath.Join(dir, "nothing.yaml"))
	// What is meant to be cases is never skipped.
	put("e.yaml", "testcases: []")
	fails("found the keys testcases", dir)
	put("e.yaml", "cases: [")
	fails("not readable as YAML", dir)
}

func TestParse(t *testing.T) {
	cases, err := Parse("a.yaml", []byte("cases: [{request: {url: http://a.com/}, expect: {route: a}}]"))
	require.NoError(t, err)
	require.Equal(t, "a.yaml:1:9", place(cases[0].Origin))
	require.Equal(t, "GET http://a.com/", cases[0].title())
	_, err = Parse("a.yaml", nil)
	require.EqualError(t, err, "a.yaml: there is no case")
}

// Anchors and merged keys are those of YAML.
func TestAnchors(t *testing.T) {
	cases, err := Parse("a.yaml", []byte(`
cases:
- name: first
  request: &request {url: http://a.com/, headers: {x-user: ann}}
  expect: &expect {route: a}
- name: second
  request: *request
  expect: *expect
- name: third
  request: {<<: *request, method: POST}
  expect: {<<: *expect, status: 200}
`))
	require.NoError(t, err)
	require.Equal(t, cases[0].Request, cases[1].Request)
	require.Equal(t, "a", cases[2].Expect.Route)
	require.Equal(t, 200, cases[2].Expect.Status)
	require.Equal(t, "POST http://a.com/  x-user: ann", cases[2].asked())
}

// An alias can be inside of what it means.
func TestEndlessAnchors(t *testing.T) {
	_, err := Parse("a.yaml", []byte("cases:\n- &a\n  name: x\n  <<: *a\n"))
	require.ErrorContains(t, err, "merged into each other too deeply")
	_, err = Parse("a.yaml", []byte("testCases:\n- request: {authority: [a], method: [GET], uri: [/]}\n  route: &r\n  - destination: *r\n"))
	require.ErrorContains(t, err, "contains itself")
	cases, err := Parse("a.yaml", []byte("testCases:\n- request: {authority: [a], method: [GET], uri: [/]}\n  description: &d a\n  route: [{destination: {host: *d}}]\n"))
	require.NoError(t, err)
	require.Len(t, cases, 1)
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/malformed/*", "testdata/foreign/*"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cases, err := Parse("fuzz.yaml", text)
		if err != nil {
			for e := range spec.Errors(err) {
				if e.File != "fuzz.yaml" {
					t.Fatalf("an error without its file: %v", e)
				}
			}
			return
		}
		for i := range cases {
			if len(cases[i].problems()) > 0 {
				t.Fatalf("a case with problems: %v", cases[i].problems())
			}
		}
	})
}
