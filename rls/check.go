package rls

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/ratelimit"
)

// A check is what to do about one descriptor of a request.
type check struct {
	entries []ratelimit.Entry
	// limit is nil if there is none, or if it is replaced.
	limit *descriptor.Limit
	// multiplier is the number of units, of a limit in the request. Zero means
	// that the request does not have it.
	multiplier uint32
	hits       int
	// result is what the limiter has answered, if something was counted.
	result ratelimit.Status
}

// checks returns a check for each descriptor.
func (c *Config) checks(request *ratelimitv3.RateLimitRequest) ([]check, error) {
	checks := make([]check, len(request.GetDescriptors()))
	var replaced map[string]bool
	for i, d := range request.GetDescriptors() {
		if err := checks[i].read(c, request, d); err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", i, err)
		}
		if checks[i].limit == nil {
			continue
		}
		for _, name := range checks[i].limit.Replaces {
			if replaced == nil {
				replaced = make(map[string]bool)
			}
			replaced[name] = true
		}
	}
	for i := range checks {
		if l := checks[i].limit; l != nil && replaced[l.Name] && !l.Unlimited {
			checks[i].limit = nil
		}
	}
	return checks, nil
}

func (c *check) read(config *Config, request *ratelimitv3.RateLimitRequest, d *commonv3.RateLimitDescriptor) error {
	if d.GetIsNegativeHits() {
		return errors.New("hits cannot be given back")
	}
	hits := uint64(max(request.GetHitsAddend(), 1))
	if own := d.GetHitsAddend(); own != nil {
		hits = own.GetValue()
	}
	// More hits than any limit has make no difference, but could overflow.
	c.hits = int(min(hits, min(math.MaxInt, 1<<32)))
	c.entries = make([]ratelimit.Entry, len(d.GetEntries()))
	for i, e := range d.GetEntries() {
		c.entries[i] = ratelimit.Entry{Key: e.GetKey(), Value: e.GetValue()}
	}
	// Envoy's service ignores even the limit of a request if it does not know the
	// domain.
	if !config.tree.Has(request.GetDomain()) {
		return nil
	}
	if d.GetLimit() != nil {
		return c.override(d.GetLimit())
	}
	m := config.tree.Match(request.GetDomain(), c.entries)
	c.limit = m.Limit
	for i, value := range m.Shared {
		if value != "" {
			c.entries[i].Value = value
		}
	}
	return nil
}

// requestUnits are the units that a limit in a request can have.
var requestUnits = map[typev3.RateLimitUnit]descriptor.Unit{
	typev3.RateLimitUnit_SECOND: descriptor.Second,
	typev3.RateLimitUnit_MINUTE: descriptor.Minute,
	typev3.RateLimitUnit_HOUR:   descriptor.Hour,
	typev3.RateLimitUnit_DAY:    descriptor.Day,
	typev3.RateLimitUnit_MONTH:  descriptor.Month,
	typev3.RateLimitUnit_YEAR:   descriptor.Year,
}

// longestUnit is as long as a limit in a request can be.
const longestUnit = 100 * 365 * 24 * time.Hour

func (c *check) override(l *commonv3.RateLimitDescriptor_RateLimitOverride) error {
	unit, ok := requestUnits[l.GetUnit()]
	if !ok {
		return fmt.Errorf("a limit cannot have the unit %v", l.GetUnit())
	}
	if m := l.GetUnitMultiplier(); m != nil {
		c.multiplier = m.GetValue()
		if c.multiplier == 0 || time.Duration(c.multiplier) > longestUnit/unit.Duration() {
			return fmt.Errorf("a limit cannot have %d units of a %v", c.multiplier, unit)
		}
	}
	c.limit = &descriptor.Limit{Requests: l.GetRequestsPerUnit(), Unit: unit}
	return nil
}

// counted reports whether the limiter has something to count.
func (c *check) counted() bool {
	return c.limit != nil && !c.limit.Unlimited && c.limit.Requests > 0
}

// unit returns how long the unit of the limit is.
func (c *check) unit() time.Duration {
	return c.limit.Unit.Duration() * time.Duration(max(c.multiplier, 1))
}

// counter returns a text that is the same for what counts together.
func (c *check) counter() string {
	b := strconv.AppendInt(nil, int64(c.unit()), 10)
	for _, e := range c.entries {
		b = strconv.AppendQuote(b, e.Key)
		b = strconv.AppendQuote(b, e.Value)
	}
	return string(b)
}

func (c *check) descriptor() ratelimit.Descriptor {
	return ratelimit.Descriptor{
		Entries:   c.entries,
		Requests:  toInt(c.limit.Requests),
		Unit:      c.unit(),
		Hits:      c.hits,
		Algorithm: ratelimit.AlgorithmFixedWindow,
	}
}

var answerUnits = map[descriptor.Unit]ratelimitv3.RateLimitResponse_RateLimit_Unit{
	descriptor.Second: ratelimitv3.RateLimitResponse_RateLimit_SECOND,
	descriptor.Minute: ratelimitv3.RateLimitResponse_RateLimit_MINUTE,
	descriptor.Hour:   ratelimitv3.RateLimitResponse_RateLimit_HOUR,
	descriptor.Day:    ratelimitv3.RateLimitResponse_RateLimit_DAY,
	descriptor.Week:   ratelimitv3.RateLimitResponse_RateLimit_WEEK,
	descriptor.Month:  ratelimitv3.RateLimitResponse_RateLimit_MONTH,
	descriptor.Year:   ratelimitv3.RateLimitResponse_RateLimit_YEAR,
}

// status returns the answer about the descriptor.
func (c *check) status(now time.Time) *ratelimitv3.RateLimitResponse_DescriptorStatus {
	s := &ratelimitv3.RateLimitResponse_DescriptorStatus{Code: ratelimitv3.RateLimitResponse_OK}
	if c.limit == nil {
		return s
	}
	if c.limit.Unlimited {
		s.LimitRemaining = math.MaxUint32
		return s
	}
	r := c.result
	if !c.counted() {
		unit := c.unit()
		r = ratelimit.Status{Over: true, Reset: unit - time.Duration(now.UnixNano()%int64(unit))}
	}
	s.CurrentLimit = &ratelimitv3.RateLimitResponse_RateLimit{
		Name:            c.limit.Name,
		RequestsPerUnit: c.limit.Requests,
		Unit:            answerUnits[c.limit.Unit],
	}
	if c.multiplier > 0 {
		s.CurrentLimit.UnitMultiplier = wrapperspb.UInt32(c.multiplier)
	}
	// Whole seconds, as Envoy uses no smaller part.
	s.DurationUntilReset = &durationpb.Duration{Seconds: int64((max(r.Reset, 0) + time.Second - 1) / time.Second)}
	if r.Over {
		if !c.limit.Shadow {
			s.Code = ratelimitv3.RateLimitResponse_OVER_LIMIT
		}
		return s
	}
	s.LimitRemaining = uint32(min(max(int64(r.Remaining), 0), math.MaxUint32))
	return s
}
