package istio

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLineEnd(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "\n": 1, "\r": 1, "a\nb": 2, "a\rb": 2, "a\r\nb": 3, "a\r\rb\n": 2, "a\n\rb": 2, "ab\r": 3, "a\rb\n": 2, "\r\n": 2,
	} {
		require.Equal(t, want, lineEnd(text, 0), "%q", text)
		require.Equal(t, want+1, lineEnd("x"+text, 1), "%q", text)
	}
}
