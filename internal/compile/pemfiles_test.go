package compile_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/compile"
)

// A build reads a file only once, even after an error.
func TestFilesAreReadOnce(t *testing.T) {
	backend := newRevokedBackend(t)
	path := filepath.Join(t.TempDir(), "ca.pem")
	var files compile.PEMFiles
	_, _, err := files.Authorities(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	text, err := os.ReadFile(backend.authority)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, _, err = files.Authorities(path)
	require.ErrorIs(t, err, os.ErrNotExist)

	var next compile.PEMFiles
	_, read, err := next.Authorities(path)
	require.NoError(t, err)
	require.Equal(t, text, read)
	require.NoError(t, os.Remove(path))
	_, read, err = next.Authorities(path)
	require.NoError(t, err)
	require.Equal(t, text, read)
	_, _, err = next.RevocationLists(path)
	require.ErrorContains(t, err, "holds no list", "the same text, for something else")
}

func TestRevocationListFiles(t *testing.T) {
	backend := newRevokedBackend(t)
	var both []byte
	for _, path := range []string{backend.authority, backend.revoked, backend.others} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		both = append(both, text...)
	}
	path := filepath.Join(t.TempDir(), "crl.pem")
	require.NoError(t, os.WriteFile(path, both, 0o600))
	lists, _, err := new(compile.PEMFiles).RevocationLists(path)
	require.NoError(t, err)
	require.Len(t, lists, 2)
	require.IsType(t, &x509.RevocationList{}, lists[0])

	broken := writePEM(t, t.TempDir(), "crl.pem", "X509 CRL", []byte{0x30})
	_, _, err = new(compile.PEMFiles).RevocationLists(broken)
	require.ErrorContains(t, err, "crl.pem: x509: malformed crl")
}
