package rls

import (
	"fmt"
	"math"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/ratelimit"
)

// question returns a request as the service gets it.
func (l *Limiter) question(request *ratelimit.Request) (*ratelimitv3.RateLimitRequest, error) {
	q := &ratelimitv3.RateLimitRequest{
		Domain:      request.Domain,
		Descriptors: make([]*commonv3.RateLimitDescriptor, len(request.Descriptors)),
	}
	if l.options.Domain != "" {
		q.Domain = l.options.Domain
	}
	if request.Hits < 0 {
		return nil, fmt.Errorf("%d hits are not possible", request.Hits)
	}
	// In the request, zero means one, and the number has 32 bits. A descriptor
	// can have any number.
	all := request.Hits > 0 && uint64(request.Hits) <= math.MaxUint32
	if all {
		q.HitsAddend = uint32(request.Hits)
	}
	for i := range request.Descriptors {
		from := &request.Descriptors[i]
		if from.Hits < 0 {
			return nil, fmt.Errorf("descriptor %d: %d hits are not possible", i, from.Hits)
		}
		d := &commonv3.RateLimitDescriptor{Entries: make([]*commonv3.RateLimitDescriptor_Entry, len(from.Entries))}
		for n, e := range from.Entries {
			d.Entries[n] = &commonv3.RateLimitDescriptor_Entry{Key: e.Key, Value: e.Value}
		}
		switch {
		case from.Hits > 0:
			d.HitsAddend = wrapperspb.UInt64(uint64(from.Hits))
		case !all:
			d.HitsAddend = wrapperspb.UInt64(uint64(request.Hits))
		}
		if l.options.SendLimits {
			d.Limit = l.override(from)
		}
		q.Descriptors[i] = d
	}
	return q, nil
}

// override returns the limit of a descriptor, or nil if it cannot be sent. There
// is a multiplier for other units, but a service that does not know it would
// allow many times the limit.
func (l *Limiter) override(d *ratelimit.Descriptor) *commonv3.RateLimitDescriptor_RateLimitOverride {
	unit, ok := overrideUnit(d.Unit)
	if !ok {
		if _, before := l.warned.LoadOrStore(d.Unit, true); !before {
			l.options.Log.Warn("a limit with this unit cannot be sent to the rate limit service", "unit", d.Unit.String())
		}
		return nil
	}
	return &commonv3.RateLimitDescriptor_RateLimitOverride{
		RequestsPerUnit: uint32(min(uint64(max(d.Requests, 0)), math.MaxUint32)),
		Unit:            unit,
	}
}

// overrideUnits has no week, as the protocol has none here.
var overrideUnits = map[descriptor.Unit]typev3.RateLimitUnit{
	descriptor.Second: typev3.RateLimitUnit_SECOND,
	descriptor.Minute: typev3.RateLimitUnit_MINUTE,
	descriptor.Hour:   typev3.RateLimitUnit_HOUR,
	descriptor.Day:    typev3.RateLimitUnit_DAY,
	descriptor.Month:  typev3.RateLimitUnit_MONTH,
	descriptor.Year:   typev3.RateLimitUnit_YEAR,
}

func overrideUnit(d time.Duration) (typev3.RateLimitUnit, bool) {
	u, ok := overrideUnits[descriptor.UnitOf(d)]
	return u, ok
}
