package istio

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

var (
	wantLine   = regexp.MustCompile(`(?m)^# want (\d.*)\n`)
	wantedFile = regexp.MustCompile(`^[^:]+:`)
)

// The files in testdata/bad are documents with at least one error each. The
// comments at the top of a document are its errors, as printed but without the
// file. -update rewrites them; then review them.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*")
	require.NoError(t, err)
	documents := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if *update {
				writeWants(t, file)
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var want []string
			for _, m := range wantLine.FindAllStringSubmatch(string(text), -1) {
				want = append(want, m[1])
			}
			require.Equal(t, strings.Join(want, "\n"), strings.Join(problems(t, Files(file)), "\n"))
			for _, each := range parts(string(text)) {
				require.Contains(t, each, "# want ", "a document without an error")
				documents++
			}
		})
	}
	require.GreaterOrEqual(t, documents, 60)
}

// problems returns the errors of s without file names.
func problems(t *testing.T, s *Source) []string {
	t.Helper()
	_, err := s.Declare()
	var all []string
	for e := range spec.Errors(err) {
		require.NotEmpty(t, e.Code, e)
		all = append(all, wantedFile.ReplaceAllString(e.Error(), ""))
	}
	return all
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

// draft returns a source of a file with other contents.
func draft(file, text string) *Source {
	return &Source{open: func(bool) []named {
		return []named{{name: file, inputs: []input{{name: file, data: []byte(text)}}, beside: besideFile}}
	}}
}

// parts cuts a file at its document markers.
func parts(text string) []string { return strings.SplitAfter(text, "\n---\n") }

func writeWants(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	bare := wantLine.ReplaceAllString(string(text), "")
	// Comments move the lines that follow, so they are inserted twice: first as
	// many as there are errors, then the resulting errors.
	for range 2 {
		var ends []int
		line := 0
		for _, each := range parts(bare) {
			line += strings.Count(each, "\n")
			ends = append(ends, line)
		}
		at := make([][]string, len(ends))
		for _, problem := range problems(t, draft(file, bare)) {
			var l int
			_, err := fmt.Sscanf(problem, "%d:", &l)
			require.NoError(t, err, problem)
			for i, end := range ends {
				if l <= end {
					at[i] = append(at[i], "# want "+problem+"\n")
					break
				}
			}
		}
		var b strings.Builder
		for i, each := range parts(wantLine.ReplaceAllString(bare, "")) {
			b.WriteString(strings.Join(at[i], "") + each)
		}
		bare = b.String()
	}
	require.NoError(t, os.WriteFile(file, []byte(bare), 0o644))
}
