package rls

import (
	"math"
	"net/http"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/lateengo/gateway/ratelimit"
)

const (
	codeOK   = ratelimitv3.RateLimitResponse_OK
	codeOver = ratelimitv3.RateLimitResponse_OVER_LIMIT
)

type statusProto = ratelimitv3.RateLimitResponse_DescriptorStatus

func TestAnswers(t *testing.T) {
	answer := func(code ratelimitv3.RateLimitResponse_Code, statuses ...*statusProto) *ratelimitv3.RateLimitResponse {
		return &ratelimitv3.RateLimitResponse{OverallCode: code, Statuses: statuses}
	}
	for _, c := range []struct {
		name   string
		answer *ratelimitv3.RateLimitResponse
		want   ratelimit.Response
	}{
		{"ok", answer(codeOK, &statusProto{Code: codeOK, LimitRemaining: 3, DurationUntilReset: durationpb.New(7 * time.Second)}),
			ratelimit.Response{Statuses: []ratelimit.Status{{Remaining: 3, Reset: 7 * time.Second}}}},
		{"headers and a body", &ratelimitv3.RateLimitResponse{
			OverallCode: codeOver, RawBody: []byte("slow down"),
			ResponseHeadersToAdd: []*corev3.HeaderValue{{Key: "x-limit", Value: "a"}, {Key: "X-Limit", RawValue: []byte("b")}},
			RequestHeadersToAdd:  []*corev3.HeaderValue{{Key: "x-plan", Value: "free"}},
		}, ratelimit.Response{
			Over: true, Body: "slow down", ResponseHeaders: http.Header{"X-Limit": {"a", "b"}}, RequestHeaders: http.Header{"X-Plan": {"free"}},
		}},
		{"over", answer(codeOver, &statusProto{Code: codeOver, DurationUntilReset: durationpb.New(7 * time.Second)}),
			ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Over: true, RetryAfter: 7 * time.Second, Reset: 7 * time.Second}}}},
		{"two", answer(codeOver, &statusProto{Code: codeOK, LimitRemaining: 1}, &statusProto{Code: codeOver}),
			ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Remaining: 1}, {Over: true}}}},
		{"only observed", answer(codeOK, &statusProto{Code: codeOver, DurationUntilReset: durationpb.New(time.Second)}),
			ratelimit.Response{Statuses: []ratelimit.Status{{Over: true, RetryAfter: time.Second, Reset: time.Second}}}},
		{"unlimited", answer(codeOK, &statusProto{Code: codeOK, LimitRemaining: math.MaxUint32}),
			ratelimit.Response{Statuses: []ratelimit.Status{{Remaining: int(min(math.MaxInt, math.MaxUint32))}}}},
		{"no code of a status", answer(codeOK, &statusProto{LimitRemaining: 1}), ratelimit.Response{Statuses: []ratelimit.Status{{Remaining: 1}}}},
		{"an empty status", answer(codeOK, nil), ratelimit.Response{Statuses: []ratelimit.Status{{}}}},
		{"no statuses", answer(codeOver), ratelimit.Response{Over: true}},
		{"a negative duration", answer(codeOver, &statusProto{Code: codeOver, DurationUntilReset: durationpb.New(-time.Second)}),
			ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Over: true}}}},
		{"an invalid duration", answer(codeOver, &statusProto{Code: codeOver, DurationUntilReset: &durationpb.Duration{Seconds: 1, Nanos: -1}}),
			ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Over: true}}}},
		{"a long duration", answer(codeOver, &statusProto{Code: codeOver, DurationUntilReset: &durationpb.Duration{Seconds: 315576000000}}),
			ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Over: true, Reset: math.MaxInt64, RetryAfter: math.MaxInt64}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := response(c.answer, max(len(c.answer.Statuses), 1))
			require.NoError(t, err)
			require.Equal(t, c.want, r)
		})
	}
}

func TestWrongAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer *ratelimitv3.RateLimitResponse
		want   string
	}{
		{"nothing", nil, "the overall code of the answer is UNKNOWN"},
		{"no code", &ratelimitv3.RateLimitResponse{Statuses: []*statusProto{{}, {}}}, "the overall code of the answer is UNKNOWN"},
		{"another code", &ratelimitv3.RateLimitResponse{OverallCode: 9}, "the overall code of the answer is 9"},
		{"too few", &ratelimitv3.RateLimitResponse{OverallCode: codeOK, Statuses: []*statusProto{{}}}, "the answer has 1 statuses for 2 descriptors"},
		{"too many", &ratelimitv3.RateLimitResponse{OverallCode: codeOver, Statuses: []*statusProto{{}, {}, {}}}, "the answer has 3 statuses for 2 descriptors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := response(c.answer, 2)
			require.EqualError(t, err, c.want)
			require.Zero(t, r)
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, a := range []*ratelimitv3.RateLimitResponse{
		{}, {OverallCode: codeOK}, {OverallCode: 77, Statuses: []*statusProto{{}}},
		{OverallCode: codeOver, Statuses: []*statusProto{{Code: codeOver, LimitRemaining: math.MaxUint32, DurationUntilReset: &durationpb.Duration{Seconds: math.MaxInt64, Nanos: math.MinInt32}}, {}}},
		{OverallCode: codeOK, Statuses: []*statusProto{{Code: codeOK, LimitRemaining: 2, DurationUntilReset: durationpb.New(time.Second)}}},
	} {
		text, err := proto.Marshal(a)
		require.NoError(f, err)
		f.Add(text, 1)
	}
	f.Fuzz(func(t *testing.T, text []byte, descriptors int) {
		a := new(ratelimitv3.RateLimitResponse)
		if proto.Unmarshal(text, a) != nil {
			return
		}
		r, err := response(a, descriptors)
		if err != nil {
			require.Zero(t, r)
			return
		}
		require.Equal(t, a.OverallCode == codeOver, r.Over)
		if r.Statuses != nil {
			require.Len(t, r.Statuses, descriptors)
		}
		for _, s := range r.Statuses {
			require.GreaterOrEqual(t, s.Remaining, 0)
			require.GreaterOrEqual(t, s.Reset, time.Duration(0))
			require.GreaterOrEqual(t, s.RetryAfter, time.Duration(0))
			require.False(t, s.RetryAfter > 0 && !s.Over)
		}
	})
}
