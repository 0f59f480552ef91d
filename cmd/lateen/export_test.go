package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What lateen exports is the same gateway, whether it is in one file or in a directory,
// and exporting it again changes nothing.
func TestExport(t *testing.T) {
	want, _, code := lateen(t, "", "check", "-f", "product.yaml")
	require.Zero(t, code)
	text, warnings, code := lateen(t, "", "export", "-f", "product.yaml")
	require.Zero(t, code)
	require.Contains(t, warnings, "RateLimitConfig default/product-ratelimit: Istio has no such kind: only Lateen reads it.\n")
	checked, _, code := lateen(t, text, "check", "-f", "-")
	require.Zero(t, code)
	require.Equal(t, want, checked)
	again, _, code := lateen(t, text, "export", "-f", "-")
	require.Zero(t, code)
	require.Equal(t, text, again)

	file := filepath.Join(t.TempDir(), "all.yaml")
	out, _, code := lateen(t, "", "export", "-f", "product.yaml", "-o", file)
	require.Zero(t, code)
	require.Empty(t, out)
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, string(written))

	dir := filepath.Join(t.TempDir(), "new") + "/"
	_, _, code = lateen(t, "", "export", "-f", "product.yaml", "-o", dir, "--secrets")
	require.Zero(t, code)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it may have private keys")
	}
	require.Equal(t, []string{"gateway.yaml", "ratelimitconfig.yaml", "virtualservice.yaml"}, names)
	again, _, code = lateen(t, "", "export", "-f", dir)
	require.Zero(t, code)
	require.Equal(t, text, again)
}

func TestExportToNowhere(t *testing.T) {
	_, complaint, code := lateen(t, "", "export", "-f", "product.yaml", "-o", filepath.Join(t.TempDir(), "a", "b.yaml"))
	require.Equal(t, exitFailure, code)
	require.Contains(t, complaint, "lateen export: open ")
}

// Private keys are written only if the command line says so.
func TestExportOfSecrets(t *testing.T) {
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: shop, namespace: istio-system}\nstringData: {tls.crt: cert, tls.key: sesame}\n"
	text, warnings, code := lateen(t, secret, "export", "-f", "-")
	require.Zero(t, code)
	require.Equal(t, "# Secret istio-system/shop is not written: it has a private key. The gateway's namespace on the\n# cluster needs a Secret of this name.\n", text)
	require.Contains(t, warnings, "Secret istio-system/shop: is not written")
	require.NotContains(t, text+warnings, "sesame")
	text, _, code = lateen(t, secret, "export", "-f", "-", "--secrets")
	require.Zero(t, code)
	require.Contains(t, text, "tls.key: c2VzYW1l\n")
}
