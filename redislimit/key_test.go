package redislimit

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func TestKey(t *testing.T) {
	long := strings.Repeat("é", 100)
	tests := []struct {
		name    string
		entries []ratelimit.Entry
		gcra    string
		window  string
	}{
		{"usual", bob(), "lateen:a/b|1m0s|x-user=bob", "a/b_x-user_bob_1782907200"},
		{"address", []ratelimit.Entry{{Key: "remote_address", Value: "2001:db8::/64"}}, "lateen:a/b|1m0s|remote_address=2001:db8::/64", "a/b_remote_address_2001:db8::/64_1782907200"},
		{"separators", []ratelimit.Entry{{Key: "k=|", Value: "{%}\x00\xff é"}}, "lateen:a/b|1m0s|k%3D%7C=%7B%25%7D%00%FF %C3%A9", "a/b_k=|_{%}\x00\xff é_1782907200"},
		{"no entries", nil, "lateen:a/b|1m0s", "a/b_1782907200"},
		{"long", []ratelimit.Entry{{Key: "k", Value: long + long}},
			"lateen:sha256:6a419a66806b2e636ede392ebb4fa5353513e74a2a098298d546094368f9baa0", "lateen:sha256:8edf780fb1d4a41663a0aec0a30008263282aeb4a73126f0a3680774661d2fff1782907200"},
	}
	server := miniredis.RunT(t)
	l := New(newClient(t, server.Addr()), Options{})
	l.setTime(t, noon)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := l.Limit(context.Background(), ratelimit.Request{Domain: "a/b", Hits: 1, Descriptors: []ratelimit.Descriptor{
				{Entries: test.entries, Requests: 5, Unit: time.Minute},
				{Entries: test.entries, Requests: 5, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow},
			}})
			require.NoError(t, err)
			require.ElementsMatch(t, []string{test.gcra, test.window}, server.Keys())
			server.FlushAll()
		})
	}
}

func TestKeysAreDifferent(t *testing.T) {
	long := strings.Repeat("x", 1000)
	seen := map[string]int{}
	for i, entries := range [][]ratelimit.Entry{
		{{Key: "a", Value: "bc"}}, {{Key: "ab", Value: "c"}}, {{Key: "a", Value: "b=c"}}, {{Key: "a=b", Value: "c"}},
		{{Key: "a", Value: "b"}, {Key: "c", Value: ""}}, {{Key: "a", Value: "b|c="}}, {{Key: "a", Value: "b%7Cc="}}, {{Key: "a", Value: "B"}},
		{{Key: "a", Value: "b"}}, {{Key: "a", Value: ""}}, {}, {{}}, {{}, {}}, {{Key: "|"}}, {{Value: "|"}}, {{Value: "|1m0s"}},
		{{Key: long}}, {{Value: long}}, {{Key: "x" + long}}, {{Key: "x", Value: long}}, {{Key: "sha256:"}},
	} {
		for j, domain := range []string{"", "a", "a|1m0s", "a%7C1m0s", "a|1m0s|a=bc"} {
			for k, unit := range []time.Duration{time.Second, time.Minute} {
				key := bounded("", gcraKey(domain, &ratelimit.Descriptor{Entries: entries, Unit: unit}))
				require.LessOrEqual(t, len(key), maxKey)
				other, found := seen[key]
				require.False(t, found, "%q is the key of %d and of %d %d %d", key, other, i, j, k)
				seen[key] = i
			}
		}
	}
}

// Limits with the same entries count apart, each request once.
func TestSameEntries(t *testing.T) {
	server := miniredis.RunT(t)
	l := New(newClient(t, server.Addr()), Options{})
	l.setTime(t, noon)
	d := ratelimit.Descriptor{Entries: bob(), Requests: 10, Unit: time.Minute}
	w := d
	w.Algorithm = ratelimit.AlgorithmFixedWindow
	perHour := w
	perHour.Unit = time.Hour
	for i := range 3 {
		r, err := l.Limit(context.Background(), ratelimit.Request{Domain: "a/b", Hits: 1, Descriptors: []ratelimit.Descriptor{d, w, d, w, perHour}})
		require.NoError(t, err)
		for _, s := range r.Statuses {
			require.Equal(t, 9-i, s.Remaining)
		}
	}
	require.ElementsMatch(t, []string{
		"lateen:a/b|1m0s|x-user=bob", "lateen:a/b|1m0s|x-user=bob|2",
		"a/b_x-user_bob_1782907200", "a/b_x-user_bob_2_1782907200", "a/b_x-user_bob_3_1782907200",
	}, server.Keys())
}

func TestPrefix(t *testing.T) {
	server := miniredis.RunT(t)
	l := New(newClient(t, server.Addr()), Options{Prefix: "{blue}"})
	limitOne(t, l, 1, ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Second})
	require.Equal(t, []string{"{blue}:shop/limits|1s|x-user=bob"}, server.Keys())
}
