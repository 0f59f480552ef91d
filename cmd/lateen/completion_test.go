package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompletionScripts checks the scripts with their shells, if those are there.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			script, code := inProcess("completion", shell)
			require.Zero(t, code)
			for _, want := range []string{"check", "format", "sarif", "exit-codes", "semantics"} {
				require.Contains(t, script, want)
			}
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("%s is not installed", shell)
			}
			c := exec.CommandContext(t.Context(), shell, "-n")
			c.Stdin = strings.NewReader(script)
			out, err := c.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// TestCompletions asks bash to complete command lines.
func TestCompletions(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed")
	}
	script, code := inProcess("completion", "bash")
	require.Zero(t, code)
	for _, c := range []struct{ line, want string }{
		{"lateen ch", "check"},
		{"lateen check --str", "--strict"},
		{"lateen routes --str", ""},
		{"lateen check --format s", "sarif"},
		{"lateen decide --semantics e", "envoy"},
		{"lateen decide --namespace e", ""},
		{"lateen check -f testdata/ba", "testdata/bad.yaml"},
		{"lateen help exit", "exit-codes"},
		{"lateen completion z", "zsh"},
		{"lateen version -", ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			words := strings.Split(c.line, " ")
			ask := script + "\nCOMP_WORDS=(" + c.line + ")\nCOMP_CWORD=$1\n_lateen\necho \"${COMPREPLY[*]}\"\n"
			out, err := exec.CommandContext(t.Context(), "bash", "-c", ask, "bash", string(rune('0'+len(words)-1))).Output()
			require.NoError(t, err)
			require.Equal(t, c.want, strings.TrimSpace(string(out)))
		})
	}
}

// TestCompletionKnowsFlags finds flags that are named in completion but that no command
// has.
func TestCompletionKnowsFlags(t *testing.T) {
	known := map[string]bool{}
	for _, c := range completions() {
		for _, f := range c.flags {
			known[f.Name] = true
		}
	}
	for name := range flagWords {
		require.True(t, known[name], name)
	}
}
