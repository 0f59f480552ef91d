package descriptor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUnits(t *testing.T) {
	require.Equal(t, []string{"second", "minute", "hour", "day", "week", "month", "year"}, Units())
	for i, name := range Units() {
		u := ParseUnit(name)
		require.Equal(t, Unit(i+1), u)
		require.Equal(t, name, u.String())
		require.Equal(t, u, UnitOf(u.Duration()))
	}
	require.Equal(t, Minute, ParseUnit("MINUTE"))
	for _, name := range []string{"", "minutes", "minut", " minute", "unknown", "0"} {
		require.Zero(t, ParseUnit(name), name)
	}
	require.Equal(t, 720*time.Hour, Month.Duration())
	require.Equal(t, 8760*time.Hour, Year.Duration())
	for _, d := range []time.Duration{0, -time.Second, time.Second + 1, 10 * time.Second, 31 * 24 * time.Hour} {
		require.Zero(t, UnitOf(d), d)
	}
	for _, u := range []Unit{0, Year + 1, 255} {
		require.Zero(t, u.Duration())
		require.Empty(t, u.String())
	}
}
