package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeTree writes a tree of files as teams have them: a gateway, services with their
// routes and rules, and much that is not for a gateway.
func writeTree(t *testing.T, files int) (root string, size int) {
	t.Helper()
	root = t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		size += len(text)
	}
	write("gateway.yaml", `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: istio-system}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
`)
	for i := 1; i < files; i++ {
		team := fmt.Sprintf("team-%d", i/50)
		name := fmt.Sprintf("app-%d", i)
		switch i % 10 {
		case 0:
			write(team+"/"+name+"/virtualservice.yaml", fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  hosts: [%[1]s.example.com]
  gateways: [istio-system/gw]
  http: [{route: [{destination: {host: %[1]s, port: {number: 8080}}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %[1]s, namespace: %[2]s}
spec: {host: %[1]s, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
`, name, team))
		case 1:
			write(team+"/"+name+"/kustomization.yaml", "resources: [deployment.yaml]\nnamespace: "+team+"\n")
		case 2:
			write(team+"/"+name+"/package.json", `{"name": "`+name+`", "private": true}`)
		case 3:
			write(team+"/"+name+"/patch.yaml", "- {op: add, path: /spec/replicas, value: 3}\n")
		default:
			write(team+"/"+name+"/deployment.yaml", fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s}
spec: {replicas: 2, template: {spec: {containers: [{name: app, image: "app:1"}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: %[2]s}
spec: {ports: [{port: 8080}]}
`, name, team))
		}
	}
	return root, size
}

// A person with a thousand files reads a few lines, and waits as long as the files are
// large.
func TestCheckOfAThousandFiles(t *testing.T) {
	files := 1000
	if testing.Short() {
		files = 200
	}
	root, size := writeTree(t, files)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var out, problems bytes.Buffer
	code := run([]string{"check", "-R", "-f", root, "--backend", "*=http://127.0.0.1:9"}, streams{strings.NewReader(""), &out, &problems})
	runtime.ReadMemStats(&after)
	require.Zero(t, code, problems.String())
	require.Contains(t, out.String(), fmt.Sprintf("%d routes", (files-1)/10))
	lines := strings.Split(strings.TrimSpace(problems.String()), "\n")
	require.LessOrEqual(t, len(lines), 2, problems.String())
	require.Contains(t, problems.String(), "skipped")
	t.Logf("%d files of %d bytes: %d lines, %d bytes allocated", files, size, len(lines), after.TotalAlloc-before.TotalAlloc)
	// It is about 150, and three times that with the race detector.
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/uint64(size), uint64(700), "bytes allocated for each byte read")
}
