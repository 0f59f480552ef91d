//go:build unix

package istio

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reading a pipe would wait for a writer.
func TestConfigFileIsNotAPipe(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{"a.yaml": withFile("a", "pipe")})
	if err := syscall.Mkfifo(filepath.Join(directory, "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	_, err := Files(filepath.Join(directory, "a.yaml")).Declare()
	require.ErrorContains(t, err, "cannot be read: it is not a file")
}
