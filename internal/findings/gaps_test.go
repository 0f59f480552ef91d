package findings

import (
	"errors"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// A finding is omitted if it may be a consequence of a field that a Source could
// not read.
func TestGaps(t *testing.T) {
	origin := spec.Origin{File: "a.yaml", Kind: "VirtualService", Namespace: "n", Name: "a", Path: "spec.http[0]"}
	gap := func(code spec.Code, field, meant string) *spec.Error {
		return &spec.Error{Finding: spec.Finding{
			File: "a.yaml", Kind: "VirtualService", Namespace: "n", Name: "a", Field: field, Code: code, Suggestion: meant,
		}}
	}
	regex := gap(spec.CodeInvalid, "spec.http[0].match[1].uri.regex", "")
	tests := []struct {
		name   string
		gap    *spec.Error
		code   spec.Code
		at     string
		hidden bool
	}{
		{"the field", regex, spec.CodeInvalid, "match[1].uri.regex", true},
		{"the field above", regex, spec.CodeInvalid, "match[1].uri", true},
		{"the element", regex, spec.CodeInvalid, "match[1]", true},
		{"the route", regex, spec.CodeMissing, "", true},
		{"another field", regex, spec.CodeInvalid, "match[1].headers", false},
		{"another element", regex, spec.CodeInvalid, "match[10]", false},
		{"a name that begins alike", regex, spec.CodeInvalid, "mat", false},
		{"the field that was meant", gap(spec.CodeUnknownField, "spec.http[0].rout", "route"), spec.CodeInvalid, "route", true},
		{"what is missing beside", gap(spec.CodeUnknownField, "spec.http[0].foo", ""), spec.CodeMissing, "route", true},
		{"what is wrong beside", gap(spec.CodeUnknownField, "spec.http[0].foo", ""), spec.CodeInvalid, "route", false},
		{"what is missing further down", gap(spec.CodeUnknownField, "spec.http[0].foo", ""), spec.CodeMissing, "route[0].host", false},
		{"what is not supported was read", gap(spec.CodeUnsupported, "spec.http[0].delegate", ""), spec.CodeInvalid, "delegate", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f List
			f.Add(errors.Join(tt.gap))
			p := f.At(origin)
			if tt.at != "" {
				p = p.Field(tt.at)
			}
			p.Errorf(tt.code, "wrong")
			p.Warnf(tt.code, "odd")
			want := 2
			if tt.hidden {
				want = 1
			}
			require.Len(t, f.Errors, want)
			require.Len(t, f.Warnings, want-1)

			other := origin
			other.Name = "b"
			require.False(t, f.At(other).Incomplete(), "another resource")
		})
	}
}
