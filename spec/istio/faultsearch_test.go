package istio

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultOf returns the fault of a text that has one.
func faultOf(t *testing.T, text string) *fault {
	t.Helper()
	_, f := parseYAML(text)
	require.NotNil(t, f, "no fault")
	return f
}

// The place of a fault is the same in a short text as at the end of a long one, and
// in a document with nothing before it.
func TestPlacesInLongDocuments(t *testing.T) {
	routes := string(manyRoutes(2000))
	long := strings.Count(routes, "\n")
	var json strings.Builder
	json.WriteString("{\n  \"items\": [\n")
	for i := range 4000 {
		fmt.Fprintf(&json, "    {\n      \"name\": \"a-%d\"\n    },\n", i)
	}
	for _, tt := range []struct {
		name, before, text, want string
	}{
		{"a tab", routes, "  - name:\n\t\tx\n", "+2:1: a tab cannot indent"},
		{"an unclosed string", routes, "  - name: \"x\n    match:\n    - uri:\n        prefix: /\n", "+1:11: the string that begins here is not closed"},
		{"an unclosed list", routes, "  - name: [x\n", "+1:12: did not find expected ',' or ']'"},
		{"an unclosed list before more", routes, "  - name: [x\n" + strings.Repeat("    match:\n    - uri:\n        prefix: /\n", 1000), "+1:12: did not find expected ',' or ']'"},
		{"two values", routes, "  - name: x: y\n", "+1:12: \": \" cannot be here unless it is quoted"},
		{"indentation between two levels", routes, "  - name: x\n   match:\n", "+2:4: did not find expected key"},
		{"a reserved character", routes, "  - name: @x\n", "+1:11: a value cannot begin with \"@\" unless it is quoted"},
		{"an unknown anchor", routes, "  - name: *x\n", "+1:11: unknown anchor 'x' referenced"},
		{"an escape", routes, "  - name: \"日本\\q\"\n", "+1:14: found unknown escape character"},
		{"in the middle", routes, "  - name: [\n    : ]\n" + strings.TrimPrefix(routes, "apiVersion: networking.istio.io/v1\n"), "+2:5: did not find expected node content"},
		{"JSON", json.String(), "    {\n      \"name\": \"a\" \"b\"\n    }\n  ]\n}\n", "+2:17: did not find expected ',' or '}'"},
		{"JSON, at its end", json.String(), "    {}\n  ],\n  \"x\": ]\n}\n", "+3:6: did not find expected node content"},
		{"a string that is not closed on the first line", "a: \"\n" + routes, "", "-18010:4: the string that begins here is not closed"},
		{"a list that is not closed at all", "a: [\n" + strings.Repeat("  x,\n", 5000), "", "+0:4: did not find expected node content"},
		{"field case 036", "words:\n" + strings.Repeat("  - text\n", 20000), " end: [\n", "+1:2: did not find expected key"},
		{"a template", routes, "  - name: {{ .Values.name }}.example.com\n", "+1:11: the text is a Helm template that was not rendered; render it first: helm template"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := (&document{text: tt.before + tt.text}).parse()
			var e *syntaxError
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.want, fmt.Sprintf("%+d:%d: %s", e.line-strings.Count(tt.before, "\n"), e.column, strings.TrimPrefix(e.problem, "not readable as YAML: ")))
		})
	}
	require.Greater(t, long, 10000)
}

// To find a place, the parser reads about as much as it reads in any case.
func TestWorkOfFindingAPlace(t *testing.T) {
	n := 50000
	if testing.Short() {
		n = 5000
	}
	routes := string(manyRoutes(n / 8))
	for name, text := range map[string]string{
		"field case 036":                           "words:\n" + strings.Repeat("  - text\n", n) + " end: [\n",
		"at the end of many routes":                routes + "   x\n",
		"a string that is not closed at its begin": "a: \"\n" + routes,
		"a string that is not closed at its end":   routes + "  - \"\n",
		"a list that is not closed at its begin":   "a: [\n" + strings.Repeat("  x,\n", n),
		"a map that is not closed at its begin":    "{\n" + routes,
		"one line":                                 "{a: [" + strings.Repeat("{b: c}, ", n) + "}",
		"one line with a broken end":               "{" + strings.Repeat("b: c, ", n) + "\"x\" \"y\"}",
		"an alias of an anchor far above":          "a: &a b\nc:\n" + strings.Repeat("- *a\n", n) + "- *b\n",
		"lines of a literal":                       "a: |\n" + strings.Repeat("  {{ [\n", n) + " b: [\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newFaultSearch(text, faultOf(t, text))
			line, at := s.place()
			require.Less(t, line, len(s.starts))
			require.LessOrEqual(t, at, len(s.line(line)))
			require.LessOrEqual(t, s.spent, len(text)+freeSearch)
		})
	}
}

// The search finds the same place as trying every line.
func TestSearchAgreesWithTrial(t *testing.T) {
	data, err := os.ReadFile("testdata/good/matches.yaml")
	require.NoError(t, err)
	text, routes, tried := string(data), string(manyRoutes(20)), 0
	mistakes := []string{" - x: y\n", "\"\n", "\t\n", "a\n", "    }: x\n", "  [\n"}
	if testing.Short() {
		mistakes = mistakes[:2]
	}
	for at := 0; at < len(text); at = lineEnd(text, at) {
		for _, wrong := range mistakes {
			broken := routes + "  - name: next\n    x:\n" + nested(text[:at]+wrong+text[at:])
			_, f := parseYAML(broken)
			if f == nil || goesOn[f.message] != "" {
				continue // A text that ends inside of brackets has such a fault anywhere.
			}
			s := newFaultSearch(broken, f)
			s.budget = 1 << 30
			line, _ := s.place()
			want := sort.Search(len(s.starts)-1, func(i int) bool {
				_, g := parseYAML(broken[:s.end(i)])
				return g != nil && g.message == f.message
			})
			require.Equal(t, want, line, "%s in:\n%s", f.message, broken[max(0, len(broken)-3000):])
			tried++
		}
	}
	require.Greater(t, tried, 30)
}

// nested indents a document so that it can be in a route.
func nested(text string) string { return "      " + strings.ReplaceAll(text, "\n", "\n      ") }
