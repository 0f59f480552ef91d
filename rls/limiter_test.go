package rls

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/lateengo/gateway/ratelimit"
)

func user(name string) []ratelimit.Entry { return []ratelimit.Entry{{Key: "user", Value: name}} }

func perMinute(requests int) ratelimit.Descriptor {
	return ratelimit.Descriptor{Entries: user("bob"), Requests: requests, Unit: time.Minute}
}

func one(domain string, d ...ratelimit.Descriptor) ratelimit.Request {
	return ratelimit.Request{Domain: domain, Descriptors: d, Hits: 1}
}

var allow = service(func(_ context.Context, q *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	return &ratelimitv3.RateLimitResponse{OverallCode: ratelimitv3.RateLimitResponse_OK}, nil
})

func TestQuestions(t *testing.T) {
	const bob = `entries: [{key: "user", value: "bob"}]`
	with := func(unit time.Duration, requests int) ratelimit.Request {
		return one("d", ratelimit.Descriptor{Entries: user("bob"), Requests: requests, Unit: unit, Burst: 7})
	}
	hits := func(all int, own ...int) ratelimit.Request {
		q := ratelimit.Request{Domain: "d", Hits: all}
		for _, h := range own {
			q.Descriptors = append(q.Descriptors, ratelimit.Descriptor{Entries: user("bob"), Requests: 1, Unit: time.Second, Hits: h})
		}
		return q
	}
	send := Options{SendLimits: true}
	for _, c := range []struct {
		name    string
		options Options
		request ratelimit.Request
		want    string
	}{
		{"plain", Options{}, with(time.Minute, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `}]}`},
		{"a domain", Options{Domain: "shop"}, with(time.Minute, 5), `{domain: "shop", hits_addend: 1, descriptors: [{` + bob + `}]}`},
		{"entries in order", Options{}, one("d", ratelimit.Descriptor{Entries: []ratelimit.Entry{{Key: "b", Value: "2"}, {Key: "a", Value: ""}}}, ratelimit.Descriptor{}),
			`{domain: "d", hits_addend: 1, descriptors: [{entries: [{key: "b", value: "2"}, {key: "a"}]}, {}]}`},
		{"hits", Options{}, hits(3, 0, 2), `{domain: "d", hits_addend: 3, descriptors: [{` + bob + `}, {` + bob + `, hits_addend: 2}]}`},
		{"no hits", Options{}, hits(0, 0, 2), `{domain: "d", descriptors: [{` + bob + `, hits_addend: 0}, {` + bob + `, hits_addend: 2}]}`},
		{"second", send, with(time.Second, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 5, unit: "SECOND"}}]}`},
		{"minute", send, with(time.Minute, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 5, unit: "MINUTE"}}]}`},
		{"hour", send, with(time.Hour, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 5, unit: "HOUR"}}]}`},
		{"day", send, with(24*time.Hour, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 5, unit: "DAY"}}]}`},
		{"month", send, with(30*24*time.Hour, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 5, unit: "MONTH"}}]}`},
		{"year", send, with(365*24*time.Hour, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 5, unit: "YEAR"}}]}`},
		{"the most", send, with(time.Second, math.MaxInt), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `, limit: {requests_per_unit: 4294967295, unit: "SECOND"}}]}`},
		{"a week", send, with(7*24*time.Hour, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `}]}`},
		{"two seconds", send, with(2*time.Second, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `}]}`},
		{"almost a second", send, with(time.Second-1, 5), `{domain: "d", hits_addend: 1, descriptors: [{` + bob + `}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := New(connect(t, allow), c.options).question(&c.request)
			require.NoError(t, err)
			want := new(ratelimitv3.RateLimitRequest)
			text := c.want
			for _, key := range []string{"domain", "hits_addend", "descriptors", "entries", "key", "value", "limit", "requests_per_unit", "unit"} {
				text = strings.ReplaceAll(strings.ReplaceAll(text, "{"+key+":", `{"`+key+`":`), " "+key+":", ` "`+key+`":`)
			}
			require.NoError(t, protojson.Unmarshal([]byte(text), want))
			require.True(t, proto.Equal(want, got), "%v\n%v", want, got)
		})
	}
}

func TestManyHits(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("an int has 32 bits")
	}
	l := New(connect(t, allow), Options{})
	hits := uint64(math.MaxUint32)
	q, err := l.question(&ratelimit.Request{Descriptors: []ratelimit.Descriptor{{}}, Hits: int(hits)})
	require.NoError(t, err)
	require.Equal(t, uint32(math.MaxUint32), q.HitsAddend)
	require.Nil(t, q.Descriptors[0].HitsAddend)
	q, err = l.question(&ratelimit.Request{Descriptors: []ratelimit.Descriptor{{}}, Hits: int(hits + 1)})
	require.NoError(t, err)
	require.Zero(t, q.HitsAddend)
	require.Equal(t, hits+1, q.Descriptors[0].HitsAddend.GetValue())
}

func TestImpossibleHits(t *testing.T) {
	l := New(connect(t, allow), Options{})
	for _, q := range []ratelimit.Request{{Hits: -1}, {Hits: 1, Descriptors: []ratelimit.Descriptor{{Hits: -1}}}} {
		_, err := l.Limit(context.Background(), q)
		require.ErrorContains(t, err, "rls: ")
		require.ErrorContains(t, err, "-1 hits are not possible")
	}
}

func TestWarningAboutUnits(t *testing.T) {
	var logged bytes.Buffer
	l := New(connect(t, allow), Options{SendLimits: true, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	for _, unit := range []time.Duration{time.Second, 10 * time.Second, 10 * time.Second, 7 * 24 * time.Hour} {
		_, err := l.Limit(context.Background(), one("d", ratelimit.Descriptor{Requests: 1, Unit: unit}))
		require.NoError(t, err)
	}
	require.Equal(t, 2, strings.Count(logged.String(), "level=WARN"))
	require.Contains(t, logged.String(), "unit=10s")
	require.Contains(t, logged.String(), "unit=168h0m0s")
}

func TestCallErrors(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.Unavailable, codes.Unknown, codes.Unimplemented} {
		l := New(connect(t, service(func(context.Context, *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
			return nil, status.Error(code, "boom")
		})), Options{})
		_, err := l.Limit(context.Background(), one("d", perMinute(1)))
		require.ErrorContains(t, err, "rls: ")
		require.ErrorContains(t, err, "boom")
		require.Equal(t, code, status.Code(errors.Unwrap(err)))
	}
}

// A service that ends a call itself is not the context.
func TestServiceGivesUp(t *testing.T) {
	l := New(connect(t, service(func(context.Context, *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
		return nil, status.Error(codes.DeadlineExceeded, "redis")
	})), Options{})
	_, err := l.Limit(context.Background(), one("d", perMinute(1)))
	require.Equal(t, codes.DeadlineExceeded, status.Code(errors.Unwrap(err)))
	require.NotErrorIs(t, err, context.DeadlineExceeded)

	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	_, err = l.Limit(ctx, one("d", perMinute(1)))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "redis")
}
