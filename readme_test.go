package gateway_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec/istio"
)

// TestDocuments checks the code blocks of the documents:
//
//	go       has the same lines as an example or a test of this module
//	yaml     is a configuration that builds
//	sh       has commands that exist and work
//	console  has commands after "$ ", each followed by its exact output
//
// It also checks that links between files have targets.
func TestDocuments(t *testing.T) {
	t.Cleanup(func() {
		if testing.Short() {
			return // nothing was built
		}
		if binary, err := builtLateen(); err == nil {
			_ = os.RemoveAll(filepath.Dir(binary))
			builtLateen = sync.OnceValues(buildLateen)
		}
	})
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, file := range append([]string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}, files...) {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			checkLinks(t, file, string(text))
			for _, b := range fencedBlocks(t, string(text)) {
				t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) {
					switch b.language {
					case "go":
						require.True(t, compiled(t, b.lines), "no example and no test has these lines:\n%s", strings.Join(b.lines, "\n"))
					case "yaml":
						_, err := gateway.New().Backend("*", http.NotFoundHandler()).
							Load(istio.Text(strings.Join(b.lines, "\n"))).Build()
						require.NoError(t, err)
					case "sh":
						for _, line := range b.lines {
							checkCommand(t, line)
						}
					case "console":
						checkSession(t, b.lines)
					case "text":
					default:
						require.Fail(t, "nobody checks the language of this block: "+b.language)
					}
				})
			}
		})
	}
}

// A block is a fenced code block. line is the number of its first line.
type block struct {
	language string
	line     int
	lines    []string
}

func fencedBlocks(t *testing.T, text string) []block {
	var blocks []block
	var open *block
	for i, line := range strings.Split(text, "\n") {
		fence, found := strings.CutPrefix(line, "```")
		switch {
		case found && open == nil:
			open = &block{language: fence, line: i + 2}
		case found:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		}
	}
	require.Nil(t, open, "a block is not closed")
	return blocks
}

var relativeLink = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func checkLinks(t *testing.T, file, text string) {
	for _, match := range relativeLink.FindAllStringSubmatch(text, -1) {
		_, err := os.Stat(filepath.Join(filepath.Dir(file), match[1]))
		require.NoError(t, err, "%s links to it", file)
	}
}

// shownFiles are the lines of all Go files that documents may quote.
var shownFiles = sync.OnceValues(func() (map[string][]string, error) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		return nil, err
	}
	examples, err := filepath.Glob("*/example_test.go")
	if err != nil {
		return nil, err
	}
	files = append(files, examples...)
	err = filepath.WalkDir("examples", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return err
	})
	shown := map[string][]string{}
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		if readErr != nil {
			return nil, readErr
		}
		shown[file] = strings.Split(string(text), "\n")
	}
	return shown, err
})

// compiled reports whether the lines are consecutive lines in a Go file of this
// module, perhaps with more indentation.
func compiled(t *testing.T, lines []string) bool {
	shown, err := shownFiles()
	require.NoError(t, err)
	for _, file := range shown {
		for at := range file {
			indent, found := strings.CutSuffix(file[at], lines[0])
			if !found || strings.Trim(indent, "\t") != "" || len(file)-at < len(lines) {
				continue
			}
			if slices.EqualFunc(file[at:at+len(lines)], lines, func(in, line string) bool {
				return in == indent+line || in == "" && line == ""
			}) {
				return true
			}
		}
	}
	return false
}

// listed is the output of go list for checkCommand.
var listed = map[string]string{}

// checkCommand checks a shell line, which may begin with cd and end with a comment.
func checkCommand(t *testing.T, line string) {
	words := shellWords(t, line)
	if i := slices.Index(words, "#"); i >= 0 {
		words = words[:i]
	}
	directory := "."
	if len(words) > 3 && words[0] == "cd" && words[2] == "&&" {
		directory, words = words[1], words[3:]
	}
	goList := func(args ...string) string {
		if directory != "." {
			args = append([]string{"-e"}, args...) // its imports may not be on this machine
		}
		question := directory + ": " + strings.Join(args, " ")
		answer, known := listed[question]
		if !known {
			command := exec.Command("go", append([]string{"list", "-find"}, args...)...)
			command.Dir = directory
			out, err := command.Output()
			require.NoError(t, err)
			answer = strings.TrimSpace(string(out))
			listed[question] = answer
		}
		return answer
	}
	switch {
	case len(words) == 0:
	case len(words) > 2 && words[0] == "go" && (words[1] == "run" || words[1] == "build"):
		at := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, ".") })
		require.Positive(t, at, line)
		require.Equal(t, "main", goList("-f", "{{.Name}}", words[at]))
	case len(words) > 2 && words[0] == "go" && words[1] == "test":
		for _, word := range words[2:] {
			if strings.HasPrefix(word, ".") {
				require.NotEmpty(t, goList(word))
			}
		}
	case words[0] == "make":
		makefile, err := os.ReadFile("Makefile")
		require.NoError(t, err)
		for _, word := range words[1:] {
			if !strings.Contains(word, "=") {
				require.Contains(t, string(makefile), "\n"+word+":")
			}
		}
	case words[0] == "bash":
		require.FileExists(t, words[1])
	case words[0] == "curl":
		checkCurl(t, words)
	case words[0] == "bin/lateen" && words[1] == "serve":
		checkServe(t, words[1:], nil)
	case words[0] == "bin/lateen":
		require.NoError(t, exec.Command(lateen(t), words[1:]...).Run())
	default:
		require.Fail(t, "nobody checks this command: "+line)
	}
}

// checkCurl sends a request for a URL in a document to the gateway of
// examples/product.
func checkCurl(t *testing.T, words []string) {
	target, err := url.Parse(words[len(words)-1])
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", target.Host)
	gw, err := gateway.New().Load(istio.Files("examples/product/product.yaml")).
		Backend("*", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).Build()
	require.NoError(t, err)
	w := httptest.NewRecorder()
	gw.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target.RequestURI(), nil))
	want := http.StatusOK
	if target.Path == "/other" {
		want = http.StatusNotFound
	}
	require.Equal(t, want, w.Code)
}

// checkSession runs commands and compares their output.
func checkSession(t *testing.T, lines []string) {
	for len(lines) > 0 {
		command, found := strings.CutPrefix(lines[0], "$ ")
		require.True(t, found, "a command begins with $: %q", lines[0])
		end := 1
		for end < len(lines) && !strings.HasPrefix(lines[end], "$ ") {
			end++
		}
		want := lines[1:end]
		lines = lines[end:]
		words := shellWords(t, command)
		require.Equal(t, "bin/lateen", words[0])
		if words[1] == "serve" {
			checkServe(t, words[1:], want)
			continue
		}
		out, err := exec.Command(lateen(t), words[1:]...).CombinedOutput()
		if err != nil {
			require.IsType(t, new(exec.ExitError), err)
		}
		require.Equal(t, strings.Join(want, "\n"), strings.TrimSuffix(string(out), "\n"), command)
	}
}

var (
	listenFlag = regexp.MustCompile(`^(\d+)=127\.0\.0\.1:\d+$`)
	listensAt  = regexp.MustCompile(`(?m)^(listening \d+ )127\.0\.0\.1:\d+$`)
)

const (
	anyFreePort   = "127.0.0.1:0"
	servePatience = 20 * time.Second
)

// checkServe runs lateen serve on free ports until it listens and, if want is not
// nil, has printed it. Then it stops it.
func checkServe(t *testing.T, args, want []string) {
	if runtime.GOOS == "windows" {
		t.Skip("no signal asks a process to end")
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if match := listenFlag.FindStringSubmatch(arg); match != nil {
			args[i] = match[1] + "=" + anyFreePort
		}
	}
	command := exec.Command(lateen(t), args...)
	var printed lockedBuffer
	command.Stdout, command.Stderr = &printed, &printed
	require.NoError(t, command.Start())
	defer func() { _ = command.Process.Kill() }()
	text := func(s string) string {
		return strings.TrimSuffix(listensAt.ReplaceAllString(s, "${1}"+anyFreePort), "\n")
	}
	expected := text(strings.Join(want, "\n"))
	arrived := func() bool {
		if want == nil {
			return strings.Contains(printed.String(), "listening ")
		}
		return text(printed.String()) == expected
	}
	for deadline := time.Now().Add(servePatience); !arrived() && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if want != nil {
		require.Equal(t, expected, text(printed.String()))
	}
	require.True(t, arrived(), "it does not listen: %s", &printed)
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
}

// A lockedBuffer collects the output of a process while a test reads it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// builtLateen builds the command, once.
var builtLateen = sync.OnceValues(buildLateen)

func buildLateen() (string, error) {
	directory, err := os.MkdirTemp("", "lateen")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(directory, "lateen.exe")
	out, err := exec.Command("go", "build", "-o", binary, "./cmd/lateen").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return binary, err
}

// lateen returns the path of the command.
func lateen(t *testing.T) string {
	if testing.Short() {
		t.Skip("building the command takes time")
	}
	binary, err := builtLateen()
	require.NoError(t, err)
	return binary
}

// shellWords splits a line at spaces that are not quoted.
func shellWords(t *testing.T, line string) []string {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		var word strings.Builder
		for line != "" && line[0] != ' ' {
			if line[0] != '\'' {
				word.WriteByte(line[0])
				line = line[1:]
				continue
			}
			quoted, rest, found := strings.Cut(line[1:], "'")
			require.True(t, found, "a quote is not closed")
			word.WriteString(quoted)
			line = rest
		}
		words = append(words, word.String())
	}
	return words
}
