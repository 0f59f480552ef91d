package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what lateen prints to the golden files")

// TestCommands runs the command lines of testdata/commands. A file holds lines
// "$ lateen …", each with all that is printed: what comes on the standard error
// after "! ", and a code other than 0 as "exit 2". The line "< FILE" in front of
// the output is the standard input. A line "; …" is a comment.
func TestCommands(t *testing.T) {
	files, err := filepath.Glob("testdata/commands/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var got strings.Builder
			lines := strings.Split(string(text), "\n")
			for i, line := range lines {
				if strings.HasPrefix(line, "; ") {
					got.WriteString(line + "\n")
				}
				command, ok := strings.CutPrefix(line, "$ lateen")
				if !ok {
					continue
				}
				got.WriteString(line + "\n")
				stdin := ""
				if name, ok := strings.CutPrefix(lines[min(i+1, len(lines)-1)], "< "); ok {
					in, err := os.ReadFile(filepath.Join("testdata", name))
					require.NoError(t, err)
					stdin = string(in)
					got.WriteString("< " + name + "\n")
				}
				out, complaints, code := lateen(t, stdin, words(command)...)
				got.WriteString(out)
				for line := range strings.Lines(complaints) {
					got.WriteString("! " + line)
				}
				if code != 0 {
					fmt.Fprintf(&got, "exit %d\n", code)
				}
			}
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
				return
			}
			require.Equal(t, string(text), got.String())
		})
	}
}

// words splits a command line at spaces; quotes are ' alone.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quoted, begun := false, false
	for _, c := range line {
		switch {
		case c == '\'':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out
}
