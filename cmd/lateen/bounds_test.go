package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "1048576": 1 << 20, "64K": 64 << 10, "64k": 64 << 10, "10M": 10 << 20, "2g": 2 << 30,
		"": -1, "K": -1, "-1": -1, "1.5M": -1, "10MB": -1, "1 M": -1, "9223372036854775807": 1<<63 - 1, "9223372036854775807K": -1,
	} {
		n, err := parseSize(text)
		if want < 0 {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, n, text)
	}
}
