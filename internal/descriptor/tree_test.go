package descriptor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

// per returns a limit, which the tests tell apart by its number.
func per(requests uint32) *Limit { return &Limit{Requests: requests, Unit: Minute} }

// entries reads "user=alice path=/x". A key without "=" has an empty value.
func entries(text string) []ratelimit.Entry {
	var all []ratelimit.Entry
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		all = append(all, ratelimit.Entry{Key: key, Value: value})
	}
	return all
}

func tree(t testing.TB, descriptors ...Descriptor) *Tree {
	t.Helper()
	tree, problems := NewTree([]Domain{{Name: "shop", Descriptors: descriptors}})
	require.Empty(t, problems)
	return tree
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name        string
		descriptors []Descriptor
		// requests maps entries to the number of the limit, 0 for none.
		requests map[string]uint32
	}{
		{
			name:        "a value before any value",
			descriptors: []Descriptor{{Key: "user", Limit: per(5)}, {Key: "user", Value: "alice", Limit: per(10)}},
			requests: map[string]uint32{
				"user=alice":         10,
				"user=bob":           5,
				"user=alic":          5,
				"user=alice2":        5,
				"user=Alice":         5,
				"user":               5,
				"User=alice":         0,
				"users=alice":        0,
				"user=alice path=/x": 0,
				"path=/x user=alice": 0,
				"path=/x":            0,
				"":                   0,
			},
		},
		{
			name:        "only the deepest entry has the limit",
			descriptors: []Descriptor{{Key: "user", Limit: per(1), Descriptors: []Descriptor{{Key: "path", Limit: per(3)}}}},
			requests: map[string]uint32{
				"user=bob":                1,
				"user=bob path=/x":        3,
				"user=bob path=/x zone=z": 0,
				"user=bob zone=z":         0,
				"path=/x user=bob":        0,
				"path=/x":                 0,
			},
		},
		{
			name: "no way back",
			descriptors: []Descriptor{
				{Key: "user", Descriptors: []Descriptor{{Key: "path", Limit: per(3)}}},
				{Key: "user", Value: "alice", Limit: per(10)},
				{Key: "user", Value: "al*", Descriptors: []Descriptor{{Key: "zone", Limit: per(4)}}},
			},
			requests: map[string]uint32{
				"user=alice":        10,
				"user=alice path=x": 0,
				"user=alice zone=z": 0,
				"user=ali zone=z":   4,
				"user=ali path=x":   0,
				"user=ali":          0,
				"user=bob path=x":   3,
			},
		},
		{
			name: "patterns in their order, behind the exact value",
			descriptors: []Descriptor{
				{Key: "path", Limit: per(1)},
				{Key: "path", Value: "/a*", Limit: per(2)},
				{Key: "path", Value: "/ab*", Limit: per(3)},
				{Key: "path", Value: "/abc", Limit: per(4)},
				{Key: "path", Value: "/v*/b*.js", Limit: per(5)},
				{Key: "path", Value: "*.css", Limit: per(6)},
			},
			requests: map[string]uint32{
				"path=/":           1,
				"path=/a":          2,
				"path=/abd":        2,
				"path=/abc":        4,
				"path=/v/b.js":     5,
				"path=/v1/bob.js":  5,
				"path=/v1/bob.jsx": 1,
				"path=/v1/a.js":    1,
				"path=/vb.js":      1,
				"path=x.css":       6,
				"path=.css":        6,
				"path=css":         1,
				"pathx=/a":         0,
				"pat=h_/a":         0,
			},
		},
		{
			name:        "keys and values are joined",
			descriptors: []Descriptor{{Key: "a_b", Value: "c", Limit: per(1)}, {Key: "x_y", Limit: per(2)}, {Key: "p", Value: "q_r*", Limit: per(3)}},
			requests: map[string]uint32{
				"a_b=c":   1,
				"a=b_c":   1,
				"a_b_c=z": 1,
				"a_b_c":   1,
				"a_b=":    0,
				"a=b":     0,
				"x=y":     2,
				"x_y=1":   2,
				"x=yy":    0,
				"p_q=r1":  3,
				"p_q=s":   0,
				"p=q_r":   3,
			},
		},
		{
			name:        "an asterisk in a key",
			descriptors: []Descriptor{{Key: "x-*", Limit: per(1)}, {Key: "y-*-z", Value: "1", Limit: per(2)}},
			requests: map[string]uint32{
				"x-user=bob": 1,
				"x-=1":       1,
				"x=1":        0,
				"y-a-z=1":    2,
				"y-a-z=2":    0,
				"y-a-zz=1":   0,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := tree(t, c.descriptors...)
			for request, want := range c.requests {
				m := tree.Match("shop", entries(request))
				if want == 0 {
					require.Nil(t, m.Limit, request)
					continue
				}
				require.NotNil(t, m.Limit, request)
				require.Equal(t, want, m.Limit.Requests, request)
				require.Nil(t, m.Shared, request)
				require.Nil(t, tree.Match("Shop", entries(request)).Limit)
			}
		})
	}
}

func TestSharedValues(t *testing.T) {
	tree := tree(t,
		Descriptor{Key: "path", Value: "/f*", ShareThreshold: true, Limit: per(1), Descriptors: []Descriptor{
			{Key: "user", Limit: per(2)},
			{Key: "zone", Value: "*", ShareThreshold: true, Limit: per(3)},
		}},
		Descriptor{Key: "path", Value: "/g*", Limit: per(4), Descriptors: []Descriptor{{Key: "x*", ShareThreshold: true, Limit: per(5)}}},
	)
	for request, want := range map[string][]string{
		"path=/foo":          {"/f*"},
		"path=/foo user=bob": {"/f*", ""},
		"path=/foo zone=z":   {"/f*", "*"},
		"path=/goo":          nil,
		"path=/goo xy=1":     {"", "x*"},
	} {
		m := tree.Match("shop", entries(request))
		require.NotNil(t, m.Limit, request)
		require.Equal(t, want, m.Shared, request)
	}
}

func TestZeroTree(t *testing.T) {
	var tree Tree
	require.Nil(t, tree.Match("shop", entries("a=b")).Limit)
	require.False(t, tree.Has("shop"))
}

func TestHas(t *testing.T) {
	tree := tree(t)
	require.True(t, tree.Has("shop"))
	require.False(t, tree.Has(""))
	require.Nil(t, tree.Match("shop", entries("a=b")).Limit)
}

func TestProblems(t *testing.T) {
	limits := func(l Limit) []Descriptor { return []Descriptor{{Key: "ok"}, {Key: "a", Limit: &l}} }
	for _, c := range []struct {
		name        string
		descriptors []Descriptor
		path        []int
		field       Field
	}{
		{"no key", []Descriptor{{Value: "a"}}, []int{1, 0}, FieldKey},
		{"no key below", []Descriptor{{Key: "a", Descriptors: []Descriptor{{Key: "b"}, {}}}}, []int{1, 0, 1}, FieldKey},
		{"twice", []Descriptor{{Key: "a"}, {Key: "a"}}, []int{1, 1}, FieldKey},
		{"the value twice", []Descriptor{{Key: "a", Value: "b"}, {Key: "a"}, {Key: "a", Value: "b"}}, []int{1, 2}, FieldValue},
		{"joined", []Descriptor{{Key: "a", Value: "b_c"}, {Key: "a_b", Value: "c"}}, []int{1, 1}, FieldValue},
		{"no unit", limits(Limit{Requests: 1}), []int{1, 1}, FieldUnit},
		{"an unknown unit", limits(Limit{Requests: 1, Unit: Year + 1}), []int{1, 1}, FieldUnit},
		{"a unit of unlimited", limits(Limit{Unlimited: true, Unit: Second}), []int{1, 1}, FieldUnit},
		{"replaces nothing", limits(Limit{Unit: Second, Name: "a", Replaces: []string{"b", ""}}), []int{1, 1}, FieldReplaces},
		{"replaces itself", limits(Limit{Unit: Second, Name: "a", Replaces: []string{"a"}}), []int{1, 1}, FieldReplaces},
		{"shares one value", []Descriptor{{Key: "a", Value: "b", ShareThreshold: true}}, []int{1, 0}, FieldShareThreshold},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := NewTree([]Domain{{Name: "good"}, {Name: "shop", Descriptors: c.descriptors}})
			require.Len(t, problems, 1)
			require.Equal(t, c.path, problems[0].Path)
			require.Equal(t, c.field, problems[0].Field)
			require.NotEmpty(t, problems[0].Text)
		})
	}
	_, problems := NewTree([]Domain{{Name: "a"}, {}, {Name: "a"}})
	require.Len(t, problems, 2)
	require.Equal(t, []int{1}, problems[0].Path)
	require.Equal(t, []int{2}, problems[1].Path)

	// What is just right.
	_, problems = NewTree([]Domain{{Name: "a", Descriptors: []Descriptor{
		{Key: "a"}, {Key: "a", Value: "b"}, {Key: "a", Value: "c", Descriptors: []Descriptor{{Key: "a"}}},
		{Key: "u", Limit: &Limit{Unlimited: true}}, {Key: "zero", Limit: &Limit{Unit: Year}},
		{Key: "r", Limit: &Limit{Unit: Second, Replaces: []string{"other"}}},
	}}, {Name: "b", Descriptors: []Descriptor{{Key: "a"}}}})
	require.Empty(t, problems)
}

func TestMatchDoesNotAllocate(t *testing.T) {
	tree := tree(t,
		Descriptor{Key: "user", Descriptors: []Descriptor{{Key: "path", Limit: per(1)}, {Key: "path", Value: "/a*b*", Limit: per(2)}}},
		Descriptor{Key: "user", Value: "al*", Descriptors: []Descriptor{{Key: "path", Value: "/*", ShareThreshold: true, Limit: per(3)}}},
	)
	for _, request := range []string{"user=bob path=/x", "user=bob path=/a12b3", "user=alice path=/x", "user=" + strings.Repeat("x", 5000) + " path=/a", "zone=z"} {
		e := entries(request)
		require.Zero(t, testing.AllocsPerRun(100, func() { tree.Match("shop", e) }), request)
	}
}

func BenchmarkMatch(b *testing.B) {
	var descriptors []Descriptor
	for i := range 1000 {
		descriptors = append(descriptors, Descriptor{Key: "user", Value: strings.Repeat("a", i+1), Descriptors: []Descriptor{{Key: "path", Limit: per(1)}}})
	}
	tree := tree(b, descriptors...)
	e := entries("user=aaaaaaaaaaaaaaaa path=/x")
	b.ReportAllocs()
	for b.Loop() {
		tree.Match("shop", e)
	}
}
