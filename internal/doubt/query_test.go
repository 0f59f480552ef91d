package doubt

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHasOneReading(t *testing.T) {
	asked := Names{"a": 0, "b c": 1, "": 2}
	for query, want := range map[string]bool{
		"": true, "a=1": true, "a": true, "a=1&b+c=2": true, "x=1&x=2": true, "a=1&A=2": true, "&&a=1&&": true, "=1": true, "a=%41+%2B": true,
		"a=1&a=2": false, "a&a": false, "a=1&%61=2": false, "b+c=1&b%20c=2": false, "=1&=2": false, "a=1;a=2": false, "x=;": false,
		"x=%": false, "x=%4": false, "x=%zz": false, "%zz": false, "a=1&x=1&x=2&a=1": false,
	} {
		require.Equal(t, want, HasOneReading(query, asked), "%q", query)
	}
	require.True(t, HasOneReading("a=1&a=2;%zz", nil), "nobody asks")
	require.Zero(t, testing.AllocsPerRun(100, func() { HasOneReading("x=1&a=2&y=%41", asked) }))
}

// What can be read in one way is read so by net/url, too.
func FuzzHasOneReading(f *testing.F) {
	f.Add("a=1&b=2", "a")
	f.Add("a=%41;b", "b")
	f.Fuzz(func(t *testing.T, query, name string) {
		values, err := url.ParseQuery(query)
		require.Equal(t, err == nil && len(values[name]) < 2, HasOneReading(query, Names{name: 0}) || query == "", "%q of %q", name, query)
	})
}
