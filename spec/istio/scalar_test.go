package istio

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// Unquoted scalars mean the same as in sigs.k8s.io/yaml, and so in Kubernetes.
func TestScalarsAreThoseOfKubernetes(t *testing.T) {
	scalars := []string{
		"", "~", "null", "Null", "NULL", "nULL", "none",
		"y", "Y", "yes", "Yes", "YES", "yES", "n", "N", "no", "No", "NO", "on", "On", "ON", "oN", "off", "Off", "OFF",
		"true", "True", "TRUE", "tRue", "false", "False", "FALSE", "t", "f",
		"0", "1", "-1", "+1", "080", "010", "-010", "0o10", "0x1F", "0X1f", "-0x1f", "0b11", "-0b11", "0b12", "1_000", "_1", "1_", "1__0", "0_1", "0x_1",
		"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809",
		"1.5", "-1.5", "+1.5", "1.", ".5", "-.5", "+.5", ".", "..", "...x", "1e3", "1E3", "1e+3", "1e-3", "1.5e3", ".5e1", "1e", "1e400", "1_000.5", "._5", ".5_0",
		"1.2.3", "127.0.0.1", "1:30", "12:30:45", "1,000", "80%", "1s", "10ms", "+", "--1", "+-1", "1 2",
		"2024-01-01", "2024-01-01T00:00:00Z", "2024-1-1", "2024-01-01 10:00:00", "0x", "0b", "0o", "0x1p-2", "0x1.8p1", "infinity", "inf", "nan", "NaN", "-inf",
		".5e400", ".1_", ".e1", ".1e", "1e3_0", "5xx", "=", "<<", "a", "/", "/products", "x-a",
	}
	for _, s := range scalars {
		data, err := yaml.YAMLToJSON([]byte("a: " + s + "\n"))
		require.NoError(t, err, "%q", s)
		var decoded struct {
			A json.RawMessage `json:"a"`
		}
		require.NoError(t, json.Unmarshal(data, &decoded), "%q", s)
		root, err := (&document{text: "a: " + s + "\n"}).parse()
		require.NoError(t, err, "%q", s)
		v := root.elements[0]
		var want any
		require.NoError(t, json.Unmarshal(decoded.A, &want), "%q", s)
		switch want := want.(type) {
		case nil:
			require.Equal(t, null, v.form, "%q", s)
		case bool:
			require.Equal(t, boolean, v.form, "%q", s)
			require.Equal(t, want, truth(v.scalar), "%q", s)
		case float64:
			require.Equal(t, number, v.form, "%q", s)
			require.Equal(t, want, v.numeral().float, "%q", s)
		case string:
			require.Equal(t, text, v.form, "%q", s)
			require.Equal(t, want, v.scalar, "%q", s)
		}
	}
	for _, s := range []string{".nan", ".NaN", ".inf", "-.Inf", "+.INF"} {
		v := parseText(t, s)
		require.Equal(t, number, v.form, s)
		require.True(t, math.IsNaN(v.numeral().float) || math.IsInf(v.numeral().float, 0), s)
	}
}

func TestQuotedScalarsAreStrings(t *testing.T) {
	for _, s := range []string{`"1"`, `'yes'`, `""`, "|\n 1\n", ">-\n null", `!!str 1`, `!!binary MQ==`} {
		require.Equal(t, text, parseText(t, "a: "+s).elements[0].form, s)
	}
}

func TestNumerals(t *testing.T) {
	for s, want := range map[string]numeral{
		"0x50":                 {integer: true, magnitude: 80, float: 80},
		"-3":                   {integer: true, negative: true, magnitude: 3, float: -3},
		"8e1":                  {integer: true, magnitude: 80, float: 80},
		"80.0":                 {integer: true, magnitude: 80, float: 80},
		"0.5":                  {float: 0.5},
		"18446744073709551615": {integer: true, magnitude: math.MaxUint64, float: math.MaxUint64},
		"-9223372036854775808": {integer: true, negative: true, magnitude: 1 << 63, float: math.MinInt64},
		"1e300":                {float: 1e300},
	} {
		v := &value{form: number, scalar: s}
		require.Equal(t, want, v.numeral(), s)
	}
}
