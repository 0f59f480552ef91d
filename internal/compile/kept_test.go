package compile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnchangedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write("one")
	var files PEMFiles
	require.True(t, files.unchanged(), "no file was read")
	_, err := files.read(path)
	require.NoError(t, err)
	require.True(t, files.unchanged())
	write("two")
	require.False(t, files.unchanged())
	write("one")
	require.True(t, files.unchanged())
	require.NoError(t, os.Remove(path))
	require.False(t, files.unchanged(), "the file is gone")

	var missing PEMFiles
	_, err = missing.read(path)
	require.Error(t, err)
	require.False(t, missing.unchanged(), "it could not be read, and may be there later")
}

// TestIdentical compares what routes may refer to. A function is never the same: Go cannot
// tell which one it is.
func TestIdentical(t *testing.T) {
	f := func() {}
	type uncomparable []int
	require.True(t, identical[any](nil, nil))
	require.False(t, identical[any](nil, t))
	require.True(t, identical[any](t, t))
	require.False(t, identical[any](f, f))
	require.False(t, identical[any](uncomparable{}, uncomparable{}))
	require.False(t, identical[any](1, int64(1)))
}
