package redislimit

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func TestParseAnswers(t *testing.T) {
	tests := []struct {
		name  string
		reply any
		keys  int
		want  []answer
	}{
		{"one", []any{int64(0), int64(1), int64(2)}, 1, []answer{{0, 1, 2}}},
		{"two", []any{int64(0), int64(1), int64(2), int64(1), int64(-3), int64(4)}, 2, []answer{{0, 1, 2}, {1, -3, 4}}},
		{"none", []any{}, 0, []answer{}},
		{"nothing", nil, 1, nil},
		{"a text", "OK", 1, nil},
		{"too few", []any{int64(0), int64(1)}, 1, nil},
		{"too many", []any{int64(0), int64(1), int64(2), int64(3)}, 1, nil},
		{"texts", []any{"0", "1", "2"}, 1, nil},
		{"nested", []any{int64(0), int64(1), []any{}}, 1, nil},
		{"nil inside", []any{nil, int64(0), int64(1)}, 1, nil},
		{"an error inside", []any{int64(0), int64(1), errors.New("x")}, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseAnswers(test.reply, test.keys)
			require.Equal(t, test.want, got)
			if test.want == nil {
				require.ErrorIs(t, err, errAnswer)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// Whatever a server answers, the result is an error or a possible one.
func TestAnswersOfAnotherScript(t *testing.T) {
	l := New(newClient(t, miniredis.RunT(t).Addr()), Options{})
	window := ratelimit.AlgorithmFixedWindow
	for _, test := range []struct {
		answer    string
		algorithm ratelimit.Algorithm
	}{
		{"'OK'", 0}, {"nil", 0}, {"1", 0}, {"{}", 0}, {"{1, 2}", 0}, {"{'0', '0', '0'}", 0}, {"{1, 2, 3, 4, 5, 6}", 0},
		{"{3, 0, 0}", 0}, {"{2, 1, 0}", 0}, {"{-1, 0, 0}", 0}, {"{0, -1, 0}", 0}, {"{0, 0, -1}", 0}, {"{0, 0, 1}", 0}, {"{0, 1000001, 0}", 0}, {"{1, 0, 0}", 0},
		{"{1, 1, 0}", window}, {"{0, 1, -1}", window}, {"{3, 0, 0}", window}, {"{2, 0, 0}", window}, {"{2, -1, 0}", window}, {"{2, 1, 0}", window},
	} {
		l.script = redis.NewScript("return " + test.answer)
		_, err := l.Limit(context.Background(), ratelimit.Request{Hits: 1, Descriptors: []ratelimit.Descriptor{{Entries: bob(), Requests: 1, Unit: time.Second, Algorithm: test.algorithm}}})
		if test.answer == "nil" {
			require.ErrorIs(t, err, redis.Nil)
			continue
		}
		require.ErrorIs(t, err, errAnswer, "%s", test.answer)
	}
}

// reply makes a reply of Redis out of bytes. The first byte of each value selects
// its type.
func reply(data []byte, depth int) ([]any, []byte) {
	var values []any
	for len(data) > 0 {
		kind := data[0]
		data = data[1:]
		switch kind % 8 {
		case 0:
			values = append(values, nil)
		case 1:
			values = append(values, string(data))
		case 2:
			values = append(values, math.Float64frombits(uint64(len(data))))
		case 3:
			if depth > 3 {
				return values, data
			}
			var inside []any
			inside, data = reply(data, depth+1)
			values = append(values, inside)
		case 4:
			return values, data
		case 5:
			var eight [8]byte
			data = data[copy(eight[:], data):]
			values = append(values, int64(binary.BigEndian.Uint64(eight[:])))
		default:
			values = append(values, int64(int8(kind))>>3)
		}
	}
	return values, nil
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte{6, 14, 22}, uint16(10), uint16(5), uint32(1_000_000), uint8(1))
	f.Add([]byte{14, 5, 0, 0, 0, 0, 0, 0, 3, 232, 6}, uint16(3), uint16(0), uint32(1_000_003), uint8(2))
	f.Add([]byte{6, 6, 6, 1, 2, 3}, uint16(1), uint16(1), uint32(1), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, requests, burst uint16, unit uint32, hits uint8) {
		d := &ratelimit.Descriptor{Requests: max(1, int(requests)), Burst: int(burst), Unit: time.Duration(max(1, unit))}
		g, err := newGCRA("k", d, int(hits))
		require.NoError(t, err)
		d.Unit *= time.Microsecond
		w, err := newFixedWindow("k", d, int(hits))
		require.NoError(t, err)
		var whole any
		values, _ := reply(data, 0)
		if whole = values; len(values) == 1 {
			whole = values[0]
		}
		for keys := range 3 {
			answers, err := parseAnswers(whole, keys)
			if err != nil {
				require.ErrorIs(t, err, errAnswer)
				continue
			}
			require.Len(t, answers, keys)
			for _, a := range answers {
				for _, c := range []counter{g, w} {
					s, err := c.status(a)
					if err != nil {
						require.ErrorIs(t, err, errAnswer)
						require.Zero(t, s)
						continue
					}
					require.GreaterOrEqual(t, s.Remaining, 0)
					require.LessOrEqual(t, s.Remaining, max(d.Requests, d.Burst))
					require.GreaterOrEqual(t, s.Reset, time.Duration(0))
					require.GreaterOrEqual(t, s.RetryAfter, time.Duration(0))
					if !s.Over {
						require.Zero(t, s.RetryAfter)
					}
				}
			}
		}
	})
}
