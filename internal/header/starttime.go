package header

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeVerbs are the supported strftime conversions of START_TIME, as layouts of
// package time.
var timeVerbs = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'p': "PM", 'I': "03", 'j': "002", 'e': "_2",
}

// startTimeOperator is START_TIME and START_TIME(strftime format), in UTC.
func startTimeOperator(argument string) (func(*Context) string, *FormatError) {
	if argument == "" {
		argument = "%Y-%m-%dT%H:%M:%S.%3fZ"
	}
	var parts []func(time.Time) string
	for i := 0; i < len(argument); {
		if argument[i] != '%' {
			end := i + 1
			for end < len(argument) && argument[end] != '%' {
				end++
			}
			text := argument[i:end]
			parts = append(parts, func(time.Time) string { return text })
			i = end
			continue
		}
		digits := 0 // of a fraction; only %f has digits
		j := i + 1
		for j < len(argument) && '0' <= argument[j] && argument[j] <= '9' {
			digits = min(digits*10+int(argument[j]-'0'), 9)
			j++
		}
		if j == len(argument) {
			return nil, &FormatError{Problem: fmt.Sprintf("the time format %q ends in an unfinished conversion", argument)}
		}
		switch verb := argument[j]; {
		case verb == 'f':
			if digits == 0 {
				digits = 9
			}
			parts = append(parts, func(t time.Time) string { return fmt.Sprintf("%09d", t.Nanosecond())[:digits] })
		case digits > 0:
			return nil, &FormatError{Problem: fmt.Sprintf("the time format %q gives a number of digits to %%%c: only %%f takes one", argument, verb)}
		case verb == 's':
			parts = append(parts, func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) })
		case verb == '%':
			parts = append(parts, func(time.Time) string { return "%" })
		case timeVerbs[verb] != "":
			layout := timeVerbs[verb]
			parts = append(parts, func(t time.Time) string { return t.Format(layout) })
		default:
			return nil, &FormatError{Problem: fmt.Sprintf("the time format %q has the unknown conversion %%%c", argument, verb)}
		}
		i = j + 1
	}
	return func(c *Context) string {
		t := c.X.Started().UTC()
		var b strings.Builder
		for _, part := range parts {
			b.WriteString(part(t))
		}
		return b.String()
	}, nil
}
