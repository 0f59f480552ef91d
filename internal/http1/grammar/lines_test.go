package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		text   string
		length int // of the lines before the empty one; -1 is not there yet
		ok     bool
	}{
		{"", -1, true},
		{"\r", -1, true},
		{"\r\n", 0, true},
		{"a\r\n", -1, true},
		{"a\r\n\r\n", 3, true},
		{"a\r\n\r\nb\r\n\r\n", 3, true},
		{"a\r\nb\r\n\r\nc", 6, true},
		{"a\r\n\rb\r\n\r\n", 7, true},
		{"\n", -1, false},
		{"a\n\n", -1, false},
		{"a\r\n\n", -1, false},
		{"a\r\n\r\n\n", 3, true},
	} {
		for part := 1; part <= len(tt.text)+1; part++ {
			var l Lines
			length, ok := -1, true
			for n := min(part, len(tt.text)); ; n = min(n+part, len(tt.text)) {
				length, ok = l.Find([]byte(tt.text[:n]))
				if length >= 0 || !ok || n == len(tt.text) {
					break
				}
			}
			require.Equal(t, tt.ok, ok, "%q by %d", tt.text, part)
			require.Equal(t, tt.length, length, "%q by %d", tt.text, part)
		}
	}
}
