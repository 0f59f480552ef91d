package grammar

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCanonicalKeys(t *testing.T) {
	for lower, key := range commonKeys {
		require.Equal(t, http.CanonicalHeaderKey(lower), key)
		for _, name := range []string{lower, key, strings.ToUpper(lower)} {
			got, n := ParseKey(name + ": x")
			require.Equal(t, key, got)
			require.Equal(t, len(name), n)
		}
	}
	for c := range 256 {
		name := "a" + string([]byte{byte(c)}) + "b"
		key, n := ParseKey(name + ":")
		if c == ':' {
			require.Equal(t, "A", key)
			continue
		}
		require.Equal(t, IsToken(name), n > 0, "%q", name)
		if n > 0 {
			require.Equal(t, http.CanonicalHeaderKey(name), key)
		}
	}
	require.False(t, IsToken(""))
}
