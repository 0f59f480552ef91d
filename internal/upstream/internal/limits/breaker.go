package limits

import "time"

// Defaults of a RetryBudget.
const (
	// DefaultBudgetPercent is the share of requests that may be retries.
	DefaultBudgetPercent = 20
	// DefaultMinRetryConcurrency is how many concurrent retries are always
	// allowed.
	DefaultMinRetryConcurrency = 3
)

// Thresholds are the limits of one destination: an Envoy cluster, or in Istio a
// host, a port and a subset. Zero is Default everywhere, because Istio cannot
// configure zero.
type Thresholds struct {
	// MaxConnections limits connections to all hosts together, except that each
	// host may always have one (Istio's tcp.maxConnections).
	MaxConnections uint32
	// MaxPendingRequests limits requests that wait for a connection (Istio's
	// http.http1MaxPendingRequests).
	MaxPendingRequests uint32
	// MaxRequests limits requests that have a connection, over any protocol
	// (Istio's http.http2MaxRequests).
	MaxRequests uint32
	// MaxRetries limits retries (Istio's http.maxRetries). It has no effect if
	// RetryBudget is set.
	MaxRetries uint32
	// RetryBudget limits retries to a share of the requests.
	RetryBudget *RetryBudget
}

// A RetryBudget limits the retries in progress in proportion to the current or
// recent requests (Istio's retryBudget).
type RetryBudget struct {
	// Percent is the share of requests, including waiting ones, that may be
	// retries; more than 100 allows several for each. Zero allows only
	// MinRetryConcurrency; DefaultBudgetPercent is the value if nothing is
	// configured.
	Percent float64
	// MinRetryConcurrency is how many retries are allowed, however few requests
	// there are. DefaultMinRetryConcurrency is the value if nothing is
	// configured.
	MinRetryConcurrency uint32
	// Interval selects the requests that count: those that began in the last
	// Interval, including retries, whether they have ended or not. Each may
	// count for up to a tenth of Interval longer. Zero counts the requests in
	// progress and those that wait.
	Interval time.Duration
}

// A Breaker counts what one destination has in use (Envoy's circuit breaker).
// It is safe for concurrent use, and takes no lock. The zero value has Envoy's
// defaults. It must not be copied.
//
// A request that finds no idle connection is pending until it has one: it holds
// Pending while it waits, and Requests from AcquireRequest until its end. A
// refused request fails immediately with "overflow" as the reason, is not
// retried, and does not count as a failure of a host.
type Breaker struct {
	Connections Limit
	Pending     Limit
	Requests    Limit

	retries Limit
	budget  *RetryBudget
	// recent counts the requests of the budget's interval. It is nil without one.
	recent *window
}

// New returns a Breaker with the given limits and clock.
func New(t Thresholds, now func() time.Time) *Breaker {
	b := &Breaker{}
	b.Connections.most = t.MaxConnections
	b.Pending.most = t.MaxPendingRequests
	b.Requests.most = t.MaxRequests
	b.retries.most = t.MaxRetries
	if t.RetryBudget != nil {
		budget := *t.RetryBudget
		b.budget = &budget
		if budget.Interval > 0 {
			b.recent = newWindow(budget.Interval, now)
		}
	}
	return b
}

// AcquireRequest lets a request that has a connection begin, or reports that
// there are too many. The request calls Requests.Release when it ends.
func (b *Breaker) AcquireRequest() bool {
	if !b.Requests.Acquire() {
		return false
	}
	if b.recent != nil {
		b.recent.add()
	}
	return true
}

// AcquireRetry lets a retry begin, or reports that there are too many. The
// retry calls ReleaseRetry when it ends.
func (b *Breaker) AcquireRetry() bool { return b.retries.acquire(b.MaxRetries()) }

// ReleaseRetry ends a retry.
func (b *Breaker) ReleaseRetry() { b.retries.Release() }

// Retries returns the number of retries.
func (b *Breaker) Retries() int64 { return b.retries.Active() }

// MaxRetries returns how many retries are allowed now.
func (b *Breaker) MaxRetries() int64 {
	if b.budget == nil {
		return b.retries.Max()
	}
	requests := b.Requests.Active() + b.Pending.Active()
	if b.recent != nil {
		requests = b.recent.count()
	}
	share := b.budget.Percent / 100 * float64(requests)
	return max(int64(share), int64(b.budget.MinRetryConcurrency))
}
