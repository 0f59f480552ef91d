package live_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec/istio"
)

// answering is a VirtualService that answers all requests for a host with a text.
func answering(name, text string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s}\nspec:\n  hosts: [%s.test]\n  http:\n"+
		"  - directResponse: {status: 200, body: {string: %q}}\n", name, name, text)
}

// A folder is a directory whose files are watched.
type folder struct {
	t       *testing.T
	path    string
	config  *live.Configuration
	updates chan live.Update

	mu  sync.Mutex
	log bytes.Buffer
}

func (f *folder) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(line)
}

func (f *folder) logged() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.String()
}

func newFolder(t *testing.T) *folder {
	return &folder{t: t, path: t.TempDir(), updates: make(chan live.Update, 100)}
}

// open serves the files of the folder, or what is at other paths.
func (f *folder) open(recursive bool, paths ...string) {
	f.t.Helper()
	if len(paths) == 0 {
		paths = []string{f.path}
	}
	read := istio.Files(paths...)
	if recursive {
		read = read.Recursive()
	}
	c, err := live.Open(&live.Files{Source: read, Paths: paths, Recursive: recursive}, gateway.New, live.Options{
		OnUpdate: func(u live.Update) { f.updates <- u }, Log: slog.New(slog.NewTextHandler(f, nil)),
	})
	require.NoError(f.t, err)
	f.config = c
	f.t.Cleanup(func() { require.NoError(f.t, c.Close()) })
}

func (f *folder) at(name string) string { return filepath.Join(f.path, name) }

// put writes a file in its place, as an editor does that keeps the file.
func (f *folder) put(name, text string) {
	f.t.Helper()
	require.NoError(f.t, os.MkdirAll(filepath.Dir(f.at(name)), 0o755))
	require.NoError(f.t, os.WriteFile(f.at(name), []byte(text), 0o644))
}

// rename writes a file beside, and renames it over, as most programs do.
func (f *folder) rename(name, text string) {
	f.t.Helper()
	beside := filepath.Join(filepath.Dir(f.at(name)), ".new")
	require.NoError(f.t, os.WriteFile(beside, []byte(text), 0o644))
	require.NoError(f.t, os.Rename(beside, f.at(name)))
}

// replaced waits for the next update, which must have replaced the configuration.
func (f *folder) replaced() {
	f.t.Helper()
	require.NoError(f.t, testwire.Within(f.t, f.updates).Err)
}

// kept waits for the next update, which must have failed with an error.
func (f *folder) kept(want string) {
	f.t.Helper()
	require.ErrorContains(f.t, testwire.Within(f.t, f.updates).Err, want)
}

// answer returns the answer for the host NAME.test.
func (f *folder) answer(name string) string {
	f.t.Helper()
	w := testgateway.Serve(f.config.Gateway(), testhttp.Request(f.t, "GET", "http://"+name+".test/"))
	if w.Code != 200 {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

func TestFilesWrittenInPlace(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(false)
	require.Equal(t, "1", f.answer("a"))
	f.put("a.yaml", answering("a", "2"))
	f.replaced()
	require.Equal(t, "2", f.answer("a"))
}

func TestFilesRenamedOver(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(false, f.at("a.yaml"))
	for i := range 5 {
		f.rename("a.yaml", answering("a", fmt.Sprint(i)))
		f.replaced()
		require.Equal(t, fmt.Sprint(i), f.answer("a"))
	}
}

func TestFilesAddedAndRemoved(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(false)
	require.Equal(t, "404", f.answer("b"))
	f.put("b.yaml", answering("b", "2"))
	f.replaced()
	require.Equal(t, "2", f.answer("b"))
	require.NoError(t, os.Remove(f.at("b.yaml")))
	f.replaced()
	require.Equal(t, "404", f.answer("b"))
	require.Equal(t, "1", f.answer("a"))
}

// The same size and the same time of modification do not hide a change.
func TestFilesWithEqualTimes(t *testing.T) {
	f := newFolder(t)
	at := time.Unix(1_700_000_000, 0)
	f.put("a.yaml", answering("a", "1"))
	require.NoError(t, os.Chtimes(f.at("a.yaml"), at, at))
	f.open(false)
	file, err := os.OpenFile(f.at("a.yaml"), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(answering("a", "2"))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(f.at("a.yaml"), at, at))
	require.NoError(t, file.Close())
	f.replaced()
	require.Equal(t, "2", f.answer("a"))
}

// The first half of a file is a valid configuration, and is never served.
func TestHalfWrittenFilesAreNotRead(t *testing.T) {
	f := newFolder(t)
	whole := answering("a", "2") + "---\n" + answering("b", "2")
	first, second := whole[:strings.Index(whole, "---")], whole[strings.Index(whole, "---"):]
	f.put("a.yaml", answering("a", "1")+"---\n"+answering("b", "1"))
	f.put("c.yaml", answering("c", "1"))
	f.open(false)

	file, err := os.Create(f.at("a.yaml"))
	require.NoError(t, err)
	_, err = file.WriteString(first)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	if written, known := live.IsBeingWritten(f.at("a.yaml")); !known {
		t.Skip("the operating system does not tell who writes a file")
	} else {
		require.True(t, written)
	}
	// Another file changes now, which is seen. The half file keeps it from being read.
	f.put("c.yaml", answering("c", "2"))
	_, err = file.WriteString(second)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	f.replaced()
	require.Equal(t, "222", f.answer("a")+f.answer("b")+f.answer("c"))
	require.EqualValues(t, 2, f.config.Status().Generation)
}

// A file that is cut to nothing is not a configuration without its resources.
func TestEmptiedFilesAreErrors(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.put("b.yaml", answering("b", "1"))
	f.open(false)
	f.put("b.yaml", "")
	f.kept("b.yaml: the file has become empty: remove it if that is meant")
	require.Equal(t, "1", f.answer("b"))
	f.put("b.yaml", answering("b", "2"))
	f.replaced()
	require.Equal(t, "2", f.answer("b"))
}

func TestBrokenFilesAreErrors(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(false)
	f.put("a.yaml", strings.Replace(answering("a", "2"), "status", "statos", 1))
	f.kept("a.yaml:7:22: VirtualService default/a: spec.http[0].directResponse.statos: unknown field")
	require.Equal(t, "1", f.answer("a"))
	require.Contains(t, f.logged(), "the one before stays in service")
}

func TestRemovedPathsAreErrors(t *testing.T) {
	f := newFolder(t)
	f.put("conf/a.yaml", answering("a", "1"))
	f.open(false, f.at("conf"))
	require.NoError(t, os.Rename(f.at("conf"), f.at("gone")))
	f.kept("no such file or directory")
	require.Equal(t, "1", f.answer("a"))

	// The directory comes back as another one, and is watched again.
	f.put("conf/a.yaml", answering("a", "2"))
	f.replaced()
	for i := range 3 {
		f.rename("conf/a.yaml", answering("a", fmt.Sprint(i)))
		f.replaced()
		require.Equal(t, fmt.Sprint(i), f.answer("a"))
	}
}

func TestAllFilesOfADirectoryRemoved(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(false)
	require.NoError(t, os.Remove(f.at("a.yaml")))
	f.kept("contains no *.yaml, *.yml or *.json file")
	require.Equal(t, "1", f.answer("a"))
}

func TestUnreadableFilesAreErrors(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root can read every file: a directory stands for one")
	}
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(false, f.at("a.yaml"))
	if os.Getuid() == 0 {
		require.NoError(t, os.Remove(f.at("a.yaml")))
		require.NoError(t, os.Symlink("a.yaml", f.at("a.yaml")))
		f.kept("too many levels of symbolic links")
	} else {
		require.NoError(t, os.Chmod(f.at("a.yaml"), 0))
		f.kept("permission denied")
	}
	require.Equal(t, "1", f.answer("a"))
}

// A mounted ConfigMap is replaced by a link to another directory.
func TestMountedConfigMaps(t *testing.T) {
	f := newFolder(t)
	f.put("..1/a.yaml", answering("a", "1"))
	f.put("..1/b.yaml", answering("b", "1"))
	require.NoError(t, os.Symlink("..1", f.at("..data")))
	for _, name := range []string{"a.yaml", "b.yaml"} {
		require.NoError(t, os.Symlink("..data/"+name, f.at(name)))
	}
	f.open(false)
	for i := 2; i < 6; i++ {
		directory := fmt.Sprintf("..%d", i)
		f.put(directory+"/a.yaml", answering("a", fmt.Sprint(i)))
		f.put(directory+"/b.yaml", answering("b", fmt.Sprint(i)))
		require.NoError(t, os.Symlink(directory, f.at("..data_tmp")))
		require.NoError(t, os.Rename(f.at("..data_tmp"), f.at("..data")))
		f.replaced()
		require.Equal(t, fmt.Sprint(i, i), f.answer("a")+" "+f.answer("b"))
		require.NoError(t, os.RemoveAll(f.at(fmt.Sprintf("..%d", i-1))))
	}
}

func TestSubdirectories(t *testing.T) {
	f := newFolder(t)
	f.put("a.yaml", answering("a", "1"))
	f.open(true)
	f.put("deep/deeper/b.yaml", answering("b", "1"))
	f.replaced()
	require.Equal(t, "1", f.answer("b"))
	f.rename("a.yaml", answering("a", "2"))
	f.replaced()
	require.Equal(t, "2", f.answer("a"))
}

// The files of certificates and of limits that the configuration names are watched too.
func TestNamedFiles(t *testing.T) {
	f := newFolder(t)
	elsewhere := t.TempDir()
	limits := func(n int) string {
		return fmt.Sprintf("domain: shop\ndescriptors:\n- key: generic_key\n  rate_limit: {unit: hour, requests_per_unit: %d}\n", n)
	}
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "limits.yaml"), []byte(limits(1)), 0o644))
	relative, err := filepath.Rel(f.path, filepath.Join(elsewhere, "limits.yaml"))
	require.NoError(t, err)
	f.put("a.yaml", answering("a", "1")+`---
apiVersion: networking.istio.io/v1alpha3
kind: RateLimitConfig
metadata: {name: limits}
spec:
  targetRefs: [{kind: VirtualService, name: a}]
  rateLimits: [{actions: [{genericKey: {descriptorValue: all}}]}]
  global: {configFile: `+filepath.ToSlash(relative)+`}
`)
	f.open(false)
	require.Equal(t, "1 429", f.answer("a")+" "+f.answer("a"))
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "limits.yaml"), []byte(limits(2)), 0o644))
	f.replaced()
	require.Equal(t, "1 1 429", f.answer("a")+" "+f.answer("a")+" "+f.answer("a"))
}

// A named file that is broken or missing is watched too.
func TestBrokenNamedFiles(t *testing.T) {
	f := newFolder(t)
	limits := func(n string) string {
		return "domain: shop\ndescriptors:\n- key: generic_key\n  rate_limit: {unit: hour, requests_per_unit: " + n + "}\n"
	}
	config := func(file string) string {
		return answering("a", "1") + `---
apiVersion: networking.istio.io/v1alpha3
kind: RateLimitConfig
metadata: {name: limits}
spec:
  targetRefs: [{kind: VirtualService, name: a}]
  rateLimits: [{actions: [{genericKey: {descriptorValue: all}}]}]
  global: {configFile: ../limits/` + file + `}
`
	}
	f.put("limits/old.yaml", limits("1"))
	f.put("conf/a.yaml", config("old.yaml"))
	f.open(false, f.at("conf"))
	f.put("limits/new.yaml", limits("many"))
	f.put("conf/a.yaml", config("new.yaml"))
	f.kept("many")
	f.put("limits/new.yaml", limits("2"))
	f.replaced()
	f.put("conf/a.yaml", config("missing.yaml"))
	f.kept("configFile: cannot be read: no such file")
	f.put("limits/missing.yaml", limits("3"))
	f.replaced()
	require.Equal(t, "1 1 1 429", f.answer("a")+" "+f.answer("a")+" "+f.answer("a")+" "+f.answer("a"))
}
