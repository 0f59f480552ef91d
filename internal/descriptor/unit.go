package descriptor

import (
	"strings"
	"time"
)

// A Unit is a unit of time of a limit. The zero Unit is none.
type Unit uint8

// The units. A month has 30 days, and a year has 365.
const (
	Second Unit = iota + 1
	Minute
	Hour
	Day
	Week
	Month
	Year
)

const day = 24 * time.Hour

var units = [...]struct {
	name     string
	duration time.Duration
}{
	{}, {"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour},
	{"day", day}, {"week", 7 * day}, {"month", 30 * day}, {"year", 365 * day},
}

// Units returns the names of the units, the shortest first.
func Units() []string {
	names := make([]string, 0, len(units)-1)
	for _, u := range units[1:] {
		names = append(names, u.name)
	}
	return names
}

// ParseUnit returns the unit with a name in any letter case, or zero.
func ParseUnit(name string) Unit {
	for i, u := range units {
		if i > 0 && strings.EqualFold(name, u.name) {
			return Unit(i)
		}
	}
	return 0
}

// UnitOf returns the unit with a duration, or zero.
func UnitOf(d time.Duration) Unit {
	for i, u := range units {
		if i > 0 && d == u.duration {
			return Unit(i)
		}
	}
	return 0
}

// Duration returns the length of the unit.
func (u Unit) Duration() time.Duration {
	if int(u) >= len(units) {
		return 0
	}
	return units[u].duration
}

// String returns the name in lower case, or "" for none.
func (u Unit) String() string {
	if int(u) >= len(units) {
		return ""
	}
	return units[u].name
}
