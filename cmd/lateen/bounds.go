package main

import (
	"errors"
	"flag"
	"math"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
)

// bounds are what the flags say about the requests that are accepted. Zero is no limit.
type bounds struct {
	body     int64
	requests int
}

func (b *bounds) addFlags(flags *flag.FlagSet) {
	flags.Func("max-body", "`SIZE` of the longest body of a request, in bytes or with K, M or G: a longer one gets 413 (no limit by default)", func(text string) (err error) {
		b.body, err = parseSize(text)
		return err
	})
	flags.Func("max-requests", "`N` is how many requests may be in flight to destinations: one more gets 503 at once (no limit by default)", func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return errors.New("a number from 0 is expected")
		}
		b.requests = n
		return nil
	})
}

// set sets the bounds of a gateway.
func (b *bounds) set(to *gateway.Builder) { to.MaxRequestBody(b.body).MaxRequests(b.requests) }

// parseSize reads a number of bytes.
func parseSize(text string) (int64, error) {
	digits, unit := text, int64(1)
	for i, suffix := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(strings.ToUpper(text), suffix); ok {
			digits, unit = rest, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, errors.New("a number of bytes is expected, such as 1048576 or 10M")
	}
	return n * unit, nil
}
