package istio

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldSpelling(t *testing.T) {
	for snake, camel := range map[string]string{
		"domain": "domain", "token_bucket": "tokenBucket", "v4_prefix_mask_len": "v4PrefixMaskLen",
		"enable_x_ratelimit_headers": "enableXRatelimitHeaders", "google_re2": "googleRe2",
	} {
		require.Equal(t, camel, camelCase(snake))
		require.Equal(t, snake, snakeCase(camel))
		require.Equal(t, camel, camelCase(camel))
		require.Equal(t, snake, snakeCase(snake))
	}
	require.Equal(t, "aB", camelCase("a__b_"))
}

// Each name in the table has the same two spellings.
func TestAllFieldsCanBeSpelled(t *testing.T) {
	for _, g := range limitFields {
		for _, name := range g.fields {
			require.Contains(t, []string{camelCase(snakeCase(name)), snakeCase(camelCase(name))}, name)
		}
	}
}
