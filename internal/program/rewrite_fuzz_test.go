package program_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

// FuzzRegexRewrite compares a rewrite with a replacement of the occurrences one
// by one, which is the definition of RE2's GlobalReplace.
func FuzzRegexRewrite(f *testing.F) {
	f.Add(`^/service/([^/]+)(/.*)$`, `\2/instance/\1`, "/service/foo/v1/api")
	f.Add("one", "two", "/xxx/one/yyy/one/zzz")
	f.Add("(?i)/x+/", "/y/", "/aaa/XxX/bbb")
	f.Add("(a)(b)?", `$1\1\\\2${x}\0`, "/ab/a/b")
	f.Add("x*", "-", "/abc")
	f.Add("", `\1`, "/")
	f.Fuzz(func(t *testing.T, expression, rewrite, path string) {
		rw := &spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: expression, Rewrite: rewrite}}
		b := gateway.New().Backend("*", http.NotFoundHandler()).Route(spec.Route{Rewrite: rw, Destinations: []spec.Destination{{Host: "a"}}})
		if _, err := b.Build(); err != nil || len(path) > 1000 {
			t.Skip()
		}
		p := program.NewRewrite(rw, semantics.Native)
		require.NotNil(t, p.Regex)
		if program.HighestGroup(rewrite) > p.Regex.NumSubexp() {
			require.Equal(t, path, p.Path(path, &match.URI{Kind: spec.MatchPrefix, Text: "/"}), "there is no such group")
			return
		}
		var want strings.Builder
		at := 0
		for _, m := range p.Regex.FindAllStringSubmatchIndex(path, -1) {
			want.WriteString(path[at:m[0]])
			at = m[1]
			for i := 0; i < len(rewrite); i++ {
				if rewrite[i] != '\\' {
					want.WriteByte(rewrite[i])
					continue
				}
				i++
				if rewrite[i] == '\\' {
					want.WriteByte('\\')
					continue
				}
				group, err := strconv.Atoi(rewrite[i : i+1])
				require.NoError(t, err)
				if from := m[2*group]; from >= 0 {
					want.WriteString(path[from:m[2*group+1]])
				}
			}
		}
		want.WriteString(path[at:])
		require.Equal(t, want.String(), p.Path(path, &match.URI{Kind: spec.MatchPrefix, Text: "/"}))
	})
}
