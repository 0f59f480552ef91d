package gateway

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/spec"
)

// Fault returns a middleware that injects the fault in front of a handler.
// The error joins an *Error for each problem.
func Fault(f spec.Fault) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Fault: &f}
	return routeMiddleware(&r)
}

// grpcCodes are the names that FaultAbort.GRPCStatus knows.
var grpcCodes = map[string]int{
	"OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
	"ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10,
	"OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
}

// abortBody is what Envoy's fault filter says.
const abortBody = "fault filter abort"

// A faultProgram is a Fault, compiled.
type faultProgram struct {
	delay      time.Duration
	delayShare share
	abortShare share
	status     int
	// grpcStatus is the code's number, or "".
	grpcStatus, grpcName string
}

func compileFault(f *spec.Fault) *faultProgram {
	if f == nil {
		return nil
	}
	p := new(faultProgram)
	if d := f.Delay; d != nil {
		p.delay, p.delayShare = d.Fixed, newShare(d.Percent)
	}
	if a := f.Abort; a != nil {
		p.status, p.abortShare = a.HTTPStatus, newShare(a.Percent)
		if a.HTTPStatus == 0 && a.GRPCStatus == "" {
			p.abortShare = 0 // nothing to answer with, as validation has warned
		}
		if a.GRPCStatus != "" {
			p.status, p.grpcStatus, p.grpcName = http.StatusOK, strconv.Itoa(grpcCodes[a.GRPCStatus]), a.GRPCStatus
		}
	}
	if p.delayShare == 0 && p.abortShare == 0 {
		return nil
	}
	return p
}

// apply delays and aborts the request. It returns false if the request ends
// here.
func (f *faultProgram) apply(p *program, w http.ResponseWriter, r *http.Request) bool {
	if f.delayShare.holds(p.random) {
		timer := time.NewTimer(f.delay)
		select {
		case <-timer.C:
		case <-r.Context().Done():
			timer.Stop()
			return false
		}
	}
	if !f.abortShare.holds(p.random) {
		return true
	}
	f.abort(p, w, r)
	return false
}

// abort answers instead of the destination.
func (f *faultProgram) abort(p *program, w http.ResponseWriter, r *http.Request) {
	if f.grpcStatus != "" && localreply.IsGRPC(r) {
		p.grpcReply(w, f.grpcStatus, abortBody)
		return
	}
	p.localReply(w, r, f.status, abortBody)
}

// A share is a part of all requests, in millionths.
type share uint32

const all share = 1_000_000

// newShare returns the share of a percentage.
func newShare(percent float64) share {
	return share(min(max(math.Round(percent*10_000), 0), float64(all)))
}

// percent returns the share as a percentage.
func (s share) percent() float64 { return float64(s) / 10_000 }

// holds draws whether a request is part of the share.
func (s share) holds(random func() uint64) bool {
	return s == all || s > 0 && s.covers(random())
}

// covers reports whether a random number falls into the share.
func (s share) covers(drawn uint64) bool { return drawn%uint64(all) < uint64(s) }
