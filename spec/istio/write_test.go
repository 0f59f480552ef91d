package istio_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

var updateWritten = flag.Bool("update-written", false, "write what Write makes of fixtures")

// complete are the options that leave nothing out.
var complete = &istio.WriteOptions{Kubernetes: true, Secrets: true}

// write returns what Write writes.
func write(t testing.TB, d *spec.Declarations, o *istio.WriteOptions) string {
	t.Helper()
	var b bytes.Buffer
	_, err := istio.Write(&b, d, o)
	require.NoError(t, err)
	return b.String()
}

// program returns the printed program of a source.
func program(t testing.TB, s spec.Source) string {
	t.Helper()
	gw, err := gateway.New().Backend("*", http.NotFoundHandler()).Load(s).Build()
	require.NoError(t, err)
	defer gw.Close()
	return gw.String()
}

// TestWrittenPrograms: what is written of each good fixture is the same program, and
// is written again as the same text.
func TestWrittenPrograms(t *testing.T) {
	var files []string
	for _, pattern := range []string{"testdata/good/*.yaml", "../../internal/conformance/testdata/*.yaml", "../../examples/*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		files = append(files, found...)
	}
	compared := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			declared, err := istio.Files(file).Declare()
			if err != nil {
				t.Skip("it has errors")
			}
			gw, err := gateway.New().Backend("*", http.NotFoundHandler()).Load(declared).Build()
			if err != nil {
				t.Skip("it has no program")
			}
			defer gw.Close()
			compared++
			// Some of its Secrets are unreadable, which matters only if they are used.
			partial := filepath.Base(file) == "kubernetes-secrets.yaml"
			text := write(t, &declared, &istio.WriteOptions{Kubernetes: true, Secrets: true, Partial: partial})
			require.Equal(t, gw.String(), program(t, istio.Text(text)), "%s", text)
			again, err := istio.Text(text).Declare()
			require.NoError(t, err)
			if partial {
				return
			}
			require.Equal(t, text, write(t, &again, complete))
		})
	}
	require.Greater(t, compared, 80)
}

// TestWrittenText compares what is written of all kinds with the text in a file.
func TestWrittenText(t *testing.T) {
	for _, name := range []string{
		"gateway-servers", "gateway-tls", "matches", "cors", "delegates", "redirects", "traffic-policies", "service-entries", "workload-entries",
		"rate-limits", "rate-limits-full", "rate-limits-others", "envoy-global", "telemetry", "kubernetes-services",
	} {
		t.Run(name, func(t *testing.T) {
			declared, err := istio.Files("testdata/good/" + name + ".yaml").Declare()
			require.NoError(t, err)
			got := write(t, &declared, complete)
			golden := "testdata/written/" + name + ".yaml"
			if *updateWritten {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}
