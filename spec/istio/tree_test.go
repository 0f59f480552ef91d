package istio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parseText(t *testing.T, text string) *value {
	t.Helper()
	v, err := (&document{file: "test", text: text}).parse()
	require.NoError(t, err)
	return v
}

func TestAliasesShareTheirValue(t *testing.T) {
	v := parseText(t, "a: &x {b: 1}\nc: *x\nd: [*x, *x]\n")
	a, _ := v.field("a")
	c, _ := v.field("c")
	require.Same(t, a, c)
	require.Equal(t, 1, c.line, "an alias is where its anchor is")
	require.Equal(t, 1+2+2+(1+2+2), v.size)
}

func TestAliasesCannotGrowWithoutBound(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i <= 40; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	text := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bomb}\nspec:\n  " +
		strings.ReplaceAll(b.String(), "\n", "\n  ") + "\n  http: [{match: *a40}]\n"
	_, err := Text(text).Declare()
	require.ErrorContains(t, err, "spec.http[0].match[0]: its aliases expand to more than 105080 values")

	v := parseText(t, b.String())
	var invalids int
	for _, e := range v.elements {
		if e.form == invalid {
			invalids++
			require.Contains(t, e.scalar, "its aliases expand to more than 1")
		}
	}
	require.NotZero(t, invalids)
}

func TestAliasBombInAField(t *testing.T) {
	text := `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bomb}
spec:
  hosts: ["*"]
  http:
`
	text += "  - &r {match: &m [{headers: &h {a: {exact: b}, b: {exact: c}, c: {exact: d}, d: {exact: e}}}, {headers: *h}, {headers: *h}, {headers: *h}], route: [{destination: {host: a}}]}\n"
	text += strings.Repeat("  - *r\n", 20_000)
	_, err := Text(text).Declare()
	require.ErrorContains(t, err, "spec.http: its aliases expand to more than")
}

func TestMergeKeys(t *testing.T) {
	shown := func(v *value) map[string]string {
		m := make(map[string]string)
		for i, k := range v.keys {
			m[k.name] = v.elements[i].scalar
		}
		return m
	}
	v := parseText(t, `
base: &base {a: base, b: base}
more: &more {b: more, c: more}
one: {<<: *base, b: own}
several: {<<: [*more, *base], d: own}
chain: {<<: {<<: *base, b: middle}}
text: {"<<": a}
twice: {<<: *base, <<: *more}
`)
	for name, want := range map[string]map[string]string{
		"one":     {"a": "base", "b": "own"},
		"several": {"a": "base", "b": "more", "c": "more", "d": "own"},
		"chain":   {"a": "base", "b": "middle"},
		"text":    {"<<": "a"},
		"twice":   {"a": "base", "b": "base", "c": "more"},
	} {
		e, _ := v.field(name)
		require.Equal(t, want, shown(e), name)
		require.Empty(t, e.flaws, name)
	}
}

func TestManyKeysAreFoundTwice(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	v := parseText(t, b.String()+"k4999: 2\nk0: 2\n")
	require.Len(t, v.keys, 5000)
	require.Len(t, v.flaws, 2)
	require.Equal(t, `the key "k4999" is already on line 5000`, v.flaws[0].problem)
}

func TestDepthIsBounded(t *testing.T) {
	depths := []int{90, 110, 9_000, 100_000}
	if testing.Short() {
		depths = []int{90, 110, 4_000, 100_000}
	}
	for _, depth := range depths {
		text := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		v, err := (&document{text: text}).parse()
		if err != nil {
			continue
		}
		deep := 0
		for ; v.form == list && len(v.elements) > 0; v = v.elements[0] {
			deep++
		}
		require.Equal(t, depth > deepest, v.form == invalid, "%d", depth)
		require.LessOrEqual(t, deep, deepest+1)
	}
}
