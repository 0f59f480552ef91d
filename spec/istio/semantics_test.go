package istio

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/semantics.md contains the current table of fields.
func TestSemanticsDocument(t *testing.T) {
	const name, begin, end = "../../docs/semantics.md", "<!-- fields: go test ./spec/istio -run TestSemanticsDocument -update -->\n", "<!-- end of fields -->\n"
	document, err := os.ReadFile(name)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(document), begin)
	require.True(t, ok, "%s has no line %q", name, begin)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no line %q", name, end)
	want := before + begin + "\n" + semantics() + "\n" + end + after
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(document), "write it anew with: go test ./spec/istio -run TestSemanticsDocument -update")
}
