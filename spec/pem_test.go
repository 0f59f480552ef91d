package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPEM(t *testing.T) {
	for _, row := range []struct {
		name    string
		pem     PEM
		text    string
		problem string
		shown   string
	}{
		{"no text", PEM{}, "", "", ""},
		{"a text", NewPEM([]byte("secret")), "secret", "", "hidden"},
		{"at a field", PEMAt("stringData[key]", "secret", false), "secret", "", "hidden"},
		{"in base64", PEMAt("data[key]", "c2Vj\ncmV0\n", true), "secret", "", "hidden"},
		{"not in base64", PEMAt("data[key]", "secret!", true), "", "it is not base64", "hidden"},
		{"no string", NoPEMAt("data[key]", "it is not a string"), "", "it is not a string", "hidden"},
	} {
		t.Run(row.name, func(t *testing.T) {
			text, err := row.pem.Bytes()
			require.Equal(t, row.text, string(text))
			if row.problem == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, row.problem)
			}
			require.Equal(t, row.shown == "", row.pem.IsZero())
			require.Equal(t, row.shown, row.pem.String())

			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "pem", row.pem, "credential", Credential{Key: row.pem})
			encoded, err := json.Marshal(Credential{Key: row.pem})
			require.NoError(t, err)
			type inner struct{ c Credential }
			printed := fmt.Sprintf("%v %+v %#v %s %q %x %v %#v ", row.pem, row.pem, row.pem, row.pem, row.pem, row.pem, Credential{Key: row.pem}, Credential{Key: row.pem}) +
				fmt.Sprintf("%v %+v %#v", inner{Credential{Key: row.pem}}, &inner{Credential{Key: row.pem}}, inner{Credential{Key: row.pem}}) +
				log.String() + string(encoded)
			for _, part := range []string{"secret", "c2Vj", "736563726574"} {
				require.NotContains(t, printed, part)
			}
		})
	}
	require.Equal(t, "data[key]", PEMAt("data[key]", "a", true).Field())
}
