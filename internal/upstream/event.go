package upstream

import "errors"

// An Event is a change of a destination's endpoints that an operator should know.
type Event struct {
	Kind EventKind
	// Endpoint is the address of an endpoint, or the name that was looked up.
	Endpoint string
	// Err is why a lookup failed.
	Err error
}

// An EventKind is the kind of an Event.
type EventKind uint8

const (
	// EventEjected means that outlier detection ejected an endpoint, and
	// EventReturned that its ejection is over.
	EventEjected EventKind = iota
	EventReturned
	// EventLookupFailed means that the lookup of a name failed after it had
	// worked, or was the first. EventLookupRecovered means that it works again.
	EventLookupFailed
	EventLookupRecovered
)

// notify reports an event. No lock is held.
func (u *Upstream) notify(e Event) {
	if u.config.Notify != nil {
		u.config.Notify(e)
	}
}

// reportEjections returns what a detector calls when it ejects h or returns it. It is
// nil if nobody wants to know.
func (u *Upstream) reportEjections(h *host) func(ejected bool) {
	if u.config.Notify == nil {
		return nil
	}
	return func(ejected bool) {
		kind := EventReturned
		if ejected {
			kind = EventEjected
		}
		u.notify(Event{Kind: kind, Endpoint: h.address.Load().address})
	}
}

// errNoAddresses is why a name without addresses is reported.
var errNoAddresses = errors.New("the name has no addresses")

// failureOf returns why an answer leaves a destination without addresses, or nil.
func failureOf(answer Answer, err error) error {
	if err == nil && len(answer.Addresses) == 0 {
		return errNoAddresses
	}
	return err
}

// noteLookup reports that a lookup of l failed or works again. Only the goroutine
// that looks l up calls it.
func (u *Upstream) noteLookup(l *lookup, err error) {
	switch failed := err != nil; {
	case failed == l.failed:
		return
	case failed:
		u.notify(Event{Kind: EventLookupFailed, Endpoint: l.name, Err: err})
	default:
		u.notify(Event{Kind: EventLookupRecovered, Endpoint: l.name})
	}
	l.failed = err != nil
}
