package validate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/resource"
)

func TestHostProblem(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	tests := []struct{ host, want string }{
		{"example.com", ""},
		{"Example.COM", ""},
		{"reviews", ""},
		{"a-b.c1.test", ""},
		{"example.com.", ""},
		{"10.example", ""},
		{"*", ""},
		{"*.example.com", ""},
		{"*-a.example.com", ""},
		{"*a.example.com", ""},
		{label63 + ".test", ""},
		{strings.Repeat(label63+".", 3) + strings.Repeat("a", 63), ""},
		{"", "a host name is missing"},
		{strings.Repeat(label63+".", 4), "the host name has 256 characters, at most 255 are allowed"},
		{label63 + "a.test", `"` + label63 + `a.test" is not a host name: a label has 64 characters, at most 63 are allowed`},
		{"a_b.test", `"a_b.test" is not a host name: the label "a_b" must be letters, digits and inner hyphens`},
		{"-a.test", `"-a.test" is not a host name: the label "-a" must be letters, digits and inner hyphens`},
		{"a-.test", `"a-.test" is not a host name: the label "a-" must be letters, digits and inner hyphens`},
		{"ä.test", `"ä.test" is not a host name: the label "ä" must be letters, digits and inner hyphens`},
		{"a..test", `"a..test" is not a host name: a label is empty`},
		{".test", `".test" is not a host name: a label is empty`},
		{"a.*.test", `"a.*.test" is not a host name: a wildcard is allowed only at the start of the first label`},
		{"a*.test", `"a*.test" is not a host name: a wildcard is allowed only at the start of the first label`},
		{"**.test", `"**.test" is not a host name: a wildcard is allowed only at the start of the first label`},
		{"*.*.test", `"*.*.test" is not a host name: a wildcard is allowed only at the start of the first label`},
		{"10.0.0.1", `"10.0.0.1" is not a host name: its last label is a number`},
		{"a.test:80", `"a.test:80" is not a host name: it is written without scheme, port and path`},
		{"http://a.test", `"http://a.test" is not a host name: it is written without scheme, port and path`},
		{"a.test/x", `"a.test/x" is not a host name: it is written without scheme, port and path`},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, hostProblem(tt.host), tt.host)
	}
	require.Equal(t, `"*.a.test" is a pattern, one host is expected`, exactHostProblem("*.a.test"))
}

func TestPortProblem(t *testing.T) {
	require.Empty(t, resource.PortProblem(1))
	require.Empty(t, resource.PortProblem(65535))
	for _, n := range []int{-1, 0, 65536} {
		require.NotEmpty(t, resource.PortProblem(n))
	}
}

func TestLabelSetProblem(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := []struct{ key, value, want string }{
		{"app", "web", ""},
		{"app", "", ""},
		{"app.kubernetes.io/name", "web_1.x-y", ""},
		{long, long, ""},
		{"", "web", "a label has no key"},
		{long + "a", "x", `"` + long + `a" is not a label's key: at most 63 letters, digits, and inner -, _ and . are expected`},
		{"app", long + "a", `"` + long + `a" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`},
		{"app", "*", `"*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`},
		{"app", "-x", `"-x" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`},
		{"a_b/name", "x", `"a_b/name" is not a label's key: the part before / must be a host name`},
		{"/name", "x", `"/name" is not a label's key: the part before / must be a host name`},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, labelSetProblem(tt.key, tt.value), "%s=%s", tt.key, tt.value)
	}
}

func TestHostSetOverlaps(t *testing.T) {
	tests := []struct {
		set  []string
		host string
		want string // the pattern found, or ""
	}{
		{[]string{"a.test"}, "a.test", "a.test"},
		{[]string{"a.test"}, "b.test", ""},
		{[]string{"a.test"}, "A.test", ""},
		{[]string{"*.test"}, "a.test", "*.test"},
		{[]string{"*.test"}, "x.a.test", "*.test"},
		{[]string{"*.test"}, "test", ""},
		{[]string{"*.a.test"}, "*.test", "*.a.test"},
		{[]string{"*.test"}, "*.a.test", "*.test"},
		{[]string{"*.a.test"}, "*.b.test", ""},
		{[]string{"x.a.test"}, "*.a.test", "x.a.test"},
		{[]string{"x.b.test", "xa.test"}, "*.a.test", ""},
		{[]string{"a.test", "b.test"}, "*", "a.test"},
		{[]string{"*"}, "b.test", "*"},
		{[]string{"*-a.test"}, "b-a.test", "*-a.test"},
		{[]string{"*-a.test"}, "ba.test", ""},
		{nil, "a.test", ""},
	}
	for _, tt := range tests {
		var set hostSet
		for i, pattern := range tt.set {
			set.add(pattern, i)
		}
		got := ""
		if n, ok := set.overlapping(tt.host); ok {
			got = tt.set[n]
		}
		require.Equal(t, tt.want, got, "%s in %v", tt.host, tt.set)
	}
}

// The set must find an overlap exactly if comparing in pairs finds it.
func TestHostSetAgreesWithPairs(t *testing.T) {
	var all []string
	for _, first := range []string{"*", "*-a", "*a", "a", "b", "a-a", "ba"} {
		for _, rest := range []string{"", ".a", ".test", ".a.test", ".b.test"} {
			all = append(all, first+rest)
		}
	}
	for _, host := range all {
		for i := range all {
			for j := range all {
				var set hostSet
				set.add(all[i], i)
				set.add(all[j], j)
				_, found := set.overlapping(host)
				pairs := pairOverlaps(all[i], host) || pairOverlaps(all[j], host)
				require.Equal(t, pairs, found, "%s in %s, %s", host, all[i], all[j])
			}
		}
	}
}

// pairOverlaps is the definition: * means any text.
func pairOverlaps(a, b string) bool {
	suffixA, wildA := strings.CutPrefix(a, "*")
	suffixB, wildB := strings.CutPrefix(b, "*")
	switch {
	case wildA && wildB:
		return strings.HasSuffix(suffixA, suffixB) || strings.HasSuffix(suffixB, suffixA)
	case wildA:
		return strings.HasSuffix(b, suffixA)
	case wildB:
		return strings.HasSuffix(a, suffixB)
	}
	return a == b
}
