package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inProcess runs the command in this process, and returns all that it prints and the
// code that it would exit with.
func inProcess(args ...string) (string, int) {
	var all strings.Builder
	code := run(args, streams{strings.NewReader(""), &all, &all})
	return all.String(), code
}

// TestFieldDecisions asks about the configurations of testdata/field, each made after
// something that happened to people who run gateways. A line of their file asks is a
// regular expression, a tab, and the arguments of "lateen decide" whose output has to
// match; the lines of the output are joined with ";". The file flags holds arguments
// for all of them.
func TestFieldDecisions(t *testing.T) {
	files, err := filepath.Glob("testdata/field/*/asks")
	require.NoError(t, err)
	require.Len(t, files, 7)
	for _, file := range files {
		dir := filepath.Dir(file)
		common := []string{"decide", "-f", filepath.Join(dir, "config.yaml")}
		flags, err := os.ReadFile(filepath.Join(dir, "flags"))
		if err == nil {
			common = append(common, strings.Fields(string(flags))...)
		} else {
			require.ErrorIs(t, err, os.ErrNotExist)
			common = append(common, "--backend", "*=http://127.0.0.1:9")
		}
		asks, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotEmpty(t, asks)
		for line := range strings.Lines(string(asks)) {
			want, ask, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			require.True(t, ok, "%s: %q", file, line)
			t.Run(filepath.Base(dir)+" "+ask, func(t *testing.T) {
				out, code := inProcess(append(common[:len(common):len(common)], words(ask)...)...)
				require.Equal(t, exitOK, code, out)
				var joined strings.Builder
				for line := range strings.Lines(out) {
					joined.WriteString(strings.Join(strings.Fields(line), " ") + ";")
				}
				require.Regexp(t, want, joined.String())
			})
		}
	}
}

// What can be loaded and has no effect, such as a DestinationRule that the gateway does
// not see, is warned of at the object's place.
func TestFieldWarnings(t *testing.T) {
	for _, dir := range []string{"037-destination-rules-nobody-sees"} {
		eachFieldFile(t, dir, func(t *testing.T, file string) {
			out, code := inProcess("check", "-f", file)
			require.Equal(t, exitOK, code, out)
			require.Regexp(t, `(?m)^warning: `+regexp.QuoteMeta(file)+`:\d+:\d+: `, out)
		})
	}
}

// What cannot work is refused at its place: weights of which no request can have a
// destination, that are no whole number or too large, and a wildcard that would have
// to be looked up.
func TestFieldRefusals(t *testing.T) {
	for _, dir := range []string{"039-weights/refused", "043-service-entry-wildcards/refused"} {
		eachFieldFile(t, dir, func(t *testing.T, file string) {
			out, code := inProcess("check", "-f", file)
			require.Equal(t, exitUsage, code, out)
			require.Regexp(t, `(?m)^`+regexp.QuoteMeta(file)+`:\d+:\d+: `, out)
		})
	}
}

// eachFieldFile runs test with each configuration of a directory in testdata/field.
func eachFieldFile(t *testing.T, dir string, test func(t *testing.T, file string)) {
	files, err := filepath.Glob(filepath.Join("testdata/field", dir, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(dir+"/"+strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { test(t, file) })
	}
}
