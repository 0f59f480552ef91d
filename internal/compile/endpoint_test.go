package compile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

func TestEndpointLocality(t *testing.T) {
	for _, row := range []struct{ locality, label, want string }{
		{"", "", ""},
		{"r/z", "", "r/z"},
		{"r/z", "q.y", "r/z"},
		{"", "r.z.s", "r/z/s"},
		{"", "r/z.1", "r/z.1"},
	} {
		e := spec.Endpoint{Locality: row.locality}
		if row.label != "" {
			e.Labels = map[string]string{"istio-locality": row.label}
		}
		require.Equal(t, row.want, resource.LocalityOf(&e))
		require.Equal(t, upstream.Endpoint{Address: "10.0.0.1:80", Labels: e.Labels, Locality: row.want}, placed(&e, "10.0.0.1:80"))
	}
}
