package istio

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzWrite: what can be read can be written, unless an error says why not, and what was
// written is read as the same declarations.
func FuzzWrite(f *testing.F) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(f, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		for _, d := range split(name, string(data)) {
			f.Add([]byte(d.text))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		declared, err := Bytes("fuzz", data).Declare()
		if err != nil {
			return
		}
		for _, o := range []*WriteOptions{{RateLimits: LimitsAsEnvoyFilter, Partial: true}, nothingLeftOut} {
			var b bytes.Buffer
			if _, err := Write(&b, &declared, o); err != nil {
				continue
			}
			text := b.String()
			read, err := Text(text).Declare()
			require.NoError(t, err, "%s", text)
			if o.Partial {
				continue
			}
			// canonical removes the origins, by which EnvoyFilters are found.
			require.Equal(t, text, writtenText(t, &read))
			if want, got := canonical(declared), canonical(read); !reflect.DeepEqual(want, got) {
				require.Equal(t, print(want), print(got), "%s", text)
			}
		}
	})
}
