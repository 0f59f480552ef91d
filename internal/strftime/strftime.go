// Package strftime formats times as Envoy's START_TIME operator does: in UTC, with
// the conversions of strftime and %f for a fraction of a second.
package strftime

import (
	"fmt"
	"strconv"
	"time"
)

// Default is Envoy's format if START_TIME has no argument.
const Default = "%Y-%m-%dT%H:%M:%S.%3fZ"

// verbs are the supported conversions, as layouts of package time.
var verbs = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'p': "PM", 'I': "03", 'j': "002", 'e': "_2",
}

// A Format is a parsed format.
type Format []func([]byte, time.Time) []byte

// Parse parses a format. The error is a sentence for the person who wrote it.
func Parse(format string) (Format, error) {
	var f Format
	for i := 0; i < len(format); {
		if format[i] != '%' {
			end := i + 1
			for end < len(format) && format[end] != '%' {
				end++
			}
			f = append(f, text(format[i:end]))
			i = end
			continue
		}
		digits := 0 // of a fraction; only %f has digits
		j := i + 1
		for j < len(format) && '0' <= format[j] && format[j] <= '9' {
			digits = min(digits*10+int(format[j]-'0'), 9)
			j++
		}
		if j == len(format) {
			return nil, fmt.Errorf("the time format %q ends in an unfinished conversion", format)
		}
		switch verb := format[j]; {
		case verb == 'f':
			f = append(f, fraction(digits))
		case digits > 0:
			return nil, fmt.Errorf("the time format %q gives a number of digits to %%%c: only %%f takes one", format, verb)
		case verb == 's':
			f = append(f, func(b []byte, t time.Time) []byte { return strconv.AppendInt(b, t.Unix(), 10) })
		case verb == '%':
			f = append(f, text("%"))
		case verbs[verb] != "":
			layout := verbs[verb]
			f = append(f, func(b []byte, t time.Time) []byte { return t.AppendFormat(b, layout) })
		default:
			return nil, fmt.Errorf("the time format %q has the unknown conversion %%%c", format, verb)
		}
		i = j + 1
	}
	return f, nil
}

func text(s string) func([]byte, time.Time) []byte {
	return func(b []byte, _ time.Time) []byte { return append(b, s...) }
}

// fraction is %f with a number of digits, 9 if that is 0.
func fraction(digits int) func([]byte, time.Time) []byte {
	if digits == 0 {
		digits = 9
	}
	return func(b []byte, t time.Time) []byte {
		var nanoseconds [9]byte
		n := t.Nanosecond()
		for i := len(nanoseconds) - 1; i >= 0; i-- {
			nanoseconds[i] = byte('0' + n%10)
			n /= 10
		}
		return append(b, nanoseconds[:digits]...)
	}
}

// Append appends a time in UTC.
func (f Format) Append(b []byte, t time.Time) []byte {
	t = t.UTC()
	for _, part := range f {
		b = part(b, t)
	}
	return b
}
