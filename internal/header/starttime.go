package header

import (
	"cmp"

	"github.com/lateengo/gateway/internal/strftime"
)

// startTimeOperator is START_TIME and START_TIME(strftime format), in UTC.
func startTimeOperator(argument string) (func(*Context) string, *FormatError) {
	f, err := strftime.Parse(cmp.Or(argument, strftime.Default))
	if err != nil {
		return nil, &FormatError{Problem: err.Error()}
	}
	return func(c *Context) string { return string(f.Append(nil, c.X.Started())) }, nil
}
