package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsWord(t *testing.T) {
	for text, want := range map[string]bool{
		"chunked": true, "Chunked": true, "CHUNKED": true,
		"": false, "chunke": false, "chunkedd": false, "chun\u212aed": false, "chunkex": false,
	} {
		require.Equal(t, want, IsWord(text, "chunked"), text)
	}
	require.False(t, IsWord("webſocket", "websocket"))
}
