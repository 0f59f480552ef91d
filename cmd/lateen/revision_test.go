package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository makes a git repository of some files, and the working directory.
func repository(t *testing.T, files map[string]string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	t.Chdir(t.TempDir())
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			require.NoError(t, os.Symlink(target, name))
			continue
		}
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "-A"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "one"},
		{"branch", "feature/x"},
	} {
		out, err := exec.Command("git", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

func virtualService(to string) string {
	return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n" +
		"spec: {hosts: [shop.test], http: [{route: [{destination: {host: " + to + ", port: {number: 80}}}]}]}\n"
}

// ran runs the command in the working directory.
func ran(t *testing.T, args ...string) (out, problems string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(args, streams{strings.NewReader(""), &o, &e})
	return o.String(), e.String(), code
}

func TestDiffOfRevisions(t *testing.T) {
	repository(t, map[string]string{
		"istio/shop.yaml": virtualService("a"), "istio/notes.txt": "no YAML", "istio/sub/deep.yaml": "apiVersion: v1\nkind: Nothing\n",
		"links/shop.yaml": "-> ../istio/shop.yaml", "odd [1]*/shop.yaml": virtualService("a"), "HEAD:literal.yaml": virtualService("a"),
	})
	require.NoError(t, os.WriteFile("istio/shop.yaml", []byte(virtualService("b")), 0o644))
	for _, c := range []struct {
		name, old, new string
		code           int
		want           string
	}{
		{"a file", "HEAD:istio/shop.yaml", "istio/shop.yaml", 1, "at HEAD:istio/shop.yaml:4"},
		{"a directory", "HEAD:istio", "istio", 1, "at HEAD:istio/shop.yaml:4"},
		{"a directory with a slash", "HEAD:istio/", "istio/", 1, "at HEAD:istio/shop.yaml:4"},
		{"two revisions", "HEAD:istio", "main:istio", 0, "no request changes: proved"},
		{"a branch with a slash", "feature/x:istio", "istio", 1, "at feature/x:istio/shop.yaml:4"},
		{"a path with a dot", "HEAD:./istio", "HEAD:istio", 0, "proved"},
		{"a symbolic link", "HEAD:links", "HEAD:istio", 0, "proved"},
		{"a link as a file", "HEAD:links/shop.yaml", "HEAD:istio", 0, "proved"},
		{"a name with what patterns have", "HEAD:odd [1]*", "HEAD:istio", 0, "proved"},
		{"a file whose name is like a revision", "HEAD:literal.yaml", "HEAD:istio", 0, "proved"},
		{"no such revision", "v9:istio", "istio", 2, `"v9:istio": there is no such file, and git knows no revision "v9"`},
		{"a revision like an option", "--help:istio", "istio", 2, "there is no flag"},
		{"a revision with a dash", "-x:istio", "istio", 2, "there is no flag"},
		{"no such path", "HEAD:isto", "istio", 2, `"HEAD:isto": there is no isto in HEAD`},
		{"the index", ":istio", "istio", 2, "a revision is expected before the colon"},
		{"outside of the repository", "HEAD:../..", "istio", 2, "../.. is not inside the repository"},
		{"a drive of Windows", `C:\istio`, "istio", 2, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, problems, code := ran(t, "diff", c.old, c.new)
			require.Equal(t, c.code, code, "%s%s", out, problems)
			require.Contains(t, out+problems, c.want)
		})
	}
	t.Run("from a directory below", func(t *testing.T) {
		t.Chdir("istio")
		out, problems, code := ran(t, "diff", "HEAD:./shop.yaml", "shop.yaml")
		require.Equal(t, 1, code, problems)
		require.Contains(t, out, "at HEAD:istio/shop.yaml:4")
		_, _, code = ran(t, "diff", "HEAD:istio/shop.yaml", "HEAD:.")
		require.Equal(t, 0, code)
	})
}

func TestDiffOutsideOfRepositories(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	t.Chdir(t.TempDir())
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(t.TempDir()))
	_, problems, code := ran(t, "diff", "HEAD:a.yaml", "b.yaml")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "not a git repository")
	t.Setenv("PATH", "")
	_, problems, code = ran(t, "diff", "HEAD:a.yaml", "b.yaml")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "is not installed")
}

func TestTreeFS(t *testing.T) {
	contents := map[string]string{"1": "one", "2": "two", "3": "../a.yaml", "4": "loop"}
	tree := &treeFS{base: "v1:", nodes: map[string]*treeNode{}, read: func(object string) ([]byte, error) { return []byte(contents[object]), nil }}
	tree.directory(".")
	tree.add("a.yaml", "1", false)
	tree.add("d/b.yaml", "2", false)
	tree.add("d/c.yaml", "3", true)
	tree.add("loop", "4", true)
	for name, want := range map[string]string{"v1:a.yaml": "one", "v1:d/b.yaml": "two", "v1:d/c.yaml": "one", "v1:/a.yaml": "one", "a.yaml": "one"} {
		data, err := fs.ReadFile(tree, name)
		require.NoError(t, err)
		require.Equal(t, want, string(data))
	}
	for _, name := range []string{"v1:x.yaml", "v1:loop", "v2:a.yaml", "../a.yaml"} {
		_, err := fs.ReadFile(tree, name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	entries, err := fs.ReadDir(tree, "v1:d")
	require.NoError(t, err)
	require.Len(t, entries, 2)
}
