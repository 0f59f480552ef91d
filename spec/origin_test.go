package spec

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A respelled is a Renamer of a resource that writes "b" instead of "a".
type respelled struct{}

func (respelled) Written(path string) string { return strings.ReplaceAll(path, "a", "b") }

func (respelled) Locate(path string) (line, column int, ok bool) {
	return len(path), 1, strings.Contains(path, "a")
}

// A finding names the field as the resource writes it, and the Renamer finds it as the
// declaration names it.
func TestAtRenamer(t *testing.T) {
	o := Origin{File: "f", Path: "a", Fields: respelled{}}
	require.Equal(t, "f:3:1: b.b: wrong", o.At("a", "wrong").String())
	require.Equal(t, "f:7:1: b.b: wrong", o.At("a@key", "wrong").String())
}
