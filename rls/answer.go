package rls

import (
	"fmt"
	"math"
	"net/http"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/lateengo/gateway/ratelimit"
)

// response returns the answer of a service about some descriptors. A wrong number
// of statuses is an error, as nobody knows which descriptor is meant. No statuses
// are none to mix up.
func response(a *ratelimitv3.RateLimitResponse, descriptors int) (ratelimit.Response, error) {
	var r ratelimit.Response
	switch code := a.GetOverallCode(); code {
	case ratelimitv3.RateLimitResponse_OK:
	case ratelimitv3.RateLimitResponse_OVER_LIMIT:
		r.Over = true
	default:
		return ratelimit.Response{}, fmt.Errorf("the overall code of the answer is %v", code)
	}
	r.ResponseHeaders, r.RequestHeaders = headers(a.GetResponseHeadersToAdd()), headers(a.GetRequestHeadersToAdd())
	r.Body = string(a.GetRawBody())
	statuses := a.GetStatuses()
	if len(statuses) == 0 {
		return r, nil
	}
	if len(statuses) != descriptors {
		return ratelimit.Response{}, fmt.Errorf("the answer has %d statuses for %d descriptors", len(statuses), descriptors)
	}
	r.Statuses = make([]ratelimit.Status, len(statuses))
	for i, s := range statuses {
		to := &r.Statuses[i]
		to.Over = s.GetCode() == ratelimitv3.RateLimitResponse_OVER_LIMIT
		to.Remaining = toInt(s.GetLimitRemaining())
		to.Reset = untilReset(s.GetDurationUntilReset())
		if to.Over {
			to.RetryAfter = to.Reset
		}
	}
	return r, nil
}

// headers returns the headers that a service wants to add.
func headers(list []*corev3.HeaderValue) http.Header {
	if len(list) == 0 {
		return nil
	}
	h := make(http.Header, len(list))
	for _, each := range list {
		value := each.GetValue()
		if value == "" {
			value = string(each.GetRawValue())
		}
		h.Add(each.GetKey(), value)
	}
	return h
}

// untilReset returns zero for a duration that is missing or makes no sense.
func untilReset(d *durationpb.Duration) time.Duration {
	if !d.IsValid() {
		return 0
	}
	return max(d.AsDuration(), 0)
}

// toInt returns a number that fits where an int has 32 bits.
func toInt(n uint32) int { return int(min(uint64(n), math.MaxInt)) }
