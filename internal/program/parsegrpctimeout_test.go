package program

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseGRPCTimeout(t *testing.T) {
	for _, row := range []struct {
		text string
		want time.Duration
	}{
		{"1H", time.Hour}, {"2M", 2 * time.Minute}, {"3S", 3 * time.Second}, {"4m", 4 * time.Millisecond},
		{"5u", 5 * time.Microsecond}, {"6n", 6}, {"00000010S", 10 * time.Second}, {"99999999S", 99999999 * time.Second},
		{"99999999H", math.MaxInt64}, {"0S", 0},
		{"", 0}, {"S", 0}, {"1", 0}, {"1s", 0}, {"1h", 0}, {"-1S", 0}, {"+1S", 0}, {"1.5S", 0}, {" 1S", 0}, {"123456789S", 0},
	} {
		require.Equal(t, row.want, parseGRPCTimeout(row.text), row.text)
	}
}
