package conformance_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/conformance"
	"github.com/lateengo/gateway/spec/istio"
)

// TestWritten sends every request to a gateway whose configuration was written anew by
// istio.Write. Its answers must be the recorded ones too.
func TestWritten(t *testing.T) {
	goldens, err := conformance.Load("testdata")
	require.NoError(t, err)
	compared := 0
	for _, g := range goldens {
		t.Run(g.Config, func(t *testing.T) {
			accepted, _ := g.Split()
			declared, err := istio.Bytes(g.Config, []byte(accepted)).Declare()
			if err != nil {
				t.Skip("it is refused")
			}
			var text bytes.Buffer
			_, err = istio.Write(&text, &declared, &istio.WriteOptions{Kubernetes: true, Secrets: true})
			require.NoError(t, err)
			r := newRunner(t, g, text.String(), (*gateway.Listener).InPlace)
			for _, c := range g.Cases {
				compared++
				require.Empty(t, r.run(c), "%s %s:%d%s\n%s", c.Request.ID, c.Request.Host, c.Request.Port, c.Request.Path, &text)
			}
		})
	}
	require.Greater(t, compared, 100)
}
