package kube

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "config")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", directory)
	_, err := Config(file)
	require.ErrorContains(t, err, "kubeconfig "+file+": ")
	write(`apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "https://192.0.2.1:6443"}}, {name: b, cluster: {server: "https://192.0.2.2:6443"}}]
contexts: [{name: a, context: {cluster: a, user: nobody}}, {name: b, context: {cluster: b, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: b
`)
	c, err := Config(file)
	require.NoError(t, err)
	require.Equal(t, "https://192.0.2.2:6443", c.Host)
	t.Setenv("KUBECONFIG", file)
	c, err = Config("")
	require.NoError(t, err)
	require.Equal(t, "https://192.0.2.2:6443", c.Host)
	t.Setenv("KUBECONFIG", filepath.Join(directory, "missing"))
	_, err = Config("")
	require.EqualError(t, err, "no cluster is known: this is no pod, and neither $KUBECONFIG nor ~/.kube/config names one")
	write("clusters: 5")
	_, err = Config(file)
	require.ErrorContains(t, err, "kubeconfig "+file+": ")
}
