package limits

import "time"

// Defaults of a RetryBudget.
const (
	// DefaultBudgetPercent is the share of requests that may be retries.
	DefaultBudgetPercent = 20
	// DefaultMinRetryConcurrency is how many retries there may always be.
	DefaultMinRetryConcurrency = 3
)

// Thresholds are the limits of one destination: in Envoy's terms of a cluster,
// which in Istio's are a host, a port and a subset. Zero is Default everywhere,
// as Istio cannot configure zero.
type Thresholds struct {
	// MaxConnections limits connections to all hosts together, except that each
	// host may always have one (Istio's tcp.maxConnections).
	MaxConnections uint32
	// MaxPendingRequests limits requests that wait for a connection (Istio's
	// http.http1MaxPendingRequests).
	MaxPendingRequests uint32
	// MaxRequests limits requests that have a connection, whatever their protocol
	// (Istio's http.http2MaxRequests).
	MaxRequests uint32
	// MaxRetries limits retries (Istio's http.maxRetries). It has no meaning
	// beside a RetryBudget.
	MaxRetries uint32
	// RetryBudget limits retries to a share of the requests.
	RetryBudget *RetryBudget
}

// A RetryBudget limits the retries that are in progress in proportion to the
// requests that are, or recently were (Istio's retryBudget).
type RetryBudget struct {
	// Percent is the share of the requests, waiting ones included, that may be
	// retries; more than 100 allows several for each. Zero allows only
	// MinRetryConcurrency; DefaultBudgetPercent is for where nothing is
	// configured.
	Percent float64
	// MinRetryConcurrency is how many retries there may be, however few requests
	// there are. DefaultMinRetryConcurrency is for where nothing is configured.
	MinRetryConcurrency uint32
	// Interval makes those the requests that began in the last Interval, retries
	// included, whether they have ended or not. Each counts for a tenth of it longer
	// at most. Zero counts the requests in progress and those that wait.
	Interval time.Duration
}

// A Breaker counts what one destination has in use (Envoy's circuit breaker). It
// is safe for concurrent use, and takes no lock. The zero value has Envoy's
// defaults. It must not be copied.
//
// A request that finds no idle connection is pending until it has one: it holds
// Pending while it waits, and Requests from AcquireRequest on to its end. Whatever is
// refused fails at once, with "overflow" as the reason, is not retried, and is no
// failure of a host.
type Breaker struct {
	Connections Limit
	Pending     Limit
	Requests    Limit

	retries Limit
	budget  *RetryBudget
	// recent counts the requests of the budget's interval. It is nil without one.
	recent *window
}

// New returns a Breaker with the given limits, which goes by the clock now.
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

// AcquireRequest lets a request begin that has a connection, which calls
// Requests.Release when it ends, or reports that there are too many.
func (b *Breaker) AcquireRequest() bool {
	if !b.Requests.Acquire() {
		return false
	}
	if b.recent != nil {
		b.recent.add()
	}
	return true
}

// AcquireRetry lets a retry begin, which calls ReleaseRetry when it ends, or
// reports that there are too many.
func (b *Breaker) AcquireRetry() bool { return b.retries.acquire(b.maxRetries()) }

// ReleaseRetry ends a retry.
func (b *Breaker) ReleaseRetry() { b.retries.Release() }

// Retries returns the number of retries.
func (b *Breaker) Retries() int64 { return b.retries.Active() }

// maxRetries returns how many retries there may be now.
func (b *Breaker) maxRetries() int64 {
	if b.budget == nil {
		return b.retries.max()
	}
	requests := b.Requests.Active() + b.Pending.Active()
	if b.recent != nil {
		requests = b.recent.count()
	}
	share := b.budget.Percent / 100 * float64(requests)
	return max(int64(share), int64(b.budget.MinRetryConcurrency))
}
