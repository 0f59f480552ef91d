package istio

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDeclare: no text makes Declare panic, every error has a place, and the
// origins of declarations can be found.
func FuzzDeclare(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*")
	require.NoError(f, err)
	files = slices.DeleteFunc(files, func(name string) bool { return !isDocument(name) })
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, d := range split(name, string(data)) {
			f.Add([]byte(d.text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		declared, err := Bytes("fuzz", data).Declare()
		for _, e := range unjoin(err) {
			require.Regexp(t, `^fuzz:[1-9][0-9]*:[1-9][0-9]*: `, e.Error())
		}
		for _, vs := range declared.VirtualServices {
			for i := range vs.Routes {
				line, column, ok := vs.Routes[i].Origin.Fields.Locate(vs.Routes[i].Origin.Path + ".match[0].uri.regex")
				require.True(t, ok && line > 0 && column > 0)
			}
		}
	})
}
