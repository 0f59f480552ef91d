package field

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldValue(t *testing.T) {
	for came, want := range map[string]string{
		"": "", "plain": "plain", "tab\tstays": "tab\tstays", "ü stays": "ü stays", "\x80 stays": "\x80 stays",
		"a\r\nX-Evil: 1": "a  X-Evil: 1", "a\nb": "a b", "a\x00b": "a b", "a\x7fb": "a b", "\x80\n": "\x80 ",
	} {
		require.Equal(t, want, Value(came), "%q", came)
	}
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"X-User": true, "a": true, "x_1!#$%&'*+.^`|~": true, "": false, "a b": false, "a:": false, "ä": false, "a\r": false, "@": false, "[": false, "{": false, "a/b": false,
	} {
		require.Equal(t, want, IsName(name), name)
	}
}
