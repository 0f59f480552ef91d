package program

import (
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/grpccode"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// AbortBody is the body that Envoy's fault filter sends.
const AbortBody = "fault filter abort"

// A Fault is a compiled spec.Fault.
type Fault struct {
	Delay      time.Duration
	DelayShare share
	AbortShare share
	Status     int
	// grpcStatus is the code's number, or "".
	grpcStatus, GRPCName string
}

func NewFault(f *spec.Fault) *Fault {
	if f == nil {
		return nil
	}
	p := new(Fault)
	if d := f.Delay; d != nil {
		p.Delay, p.DelayShare = d.Fixed, NewShare(d.Percent)
	}
	if a := f.Abort; a != nil {
		p.Status, p.AbortShare = a.HTTPStatus, NewShare(a.Percent)
		if a.HTTPStatus == 0 && a.GRPCStatus == "" {
			p.AbortShare = 0 // there is no answer, as validation has warned
		}
		if a.GRPCStatus != "" {
			p.Status, p.grpcStatus, p.GRPCName = http.StatusOK, strconv.Itoa(grpccode.Numbers[a.GRPCStatus]), a.GRPCStatus
		}
	}
	if p.DelayShare == 0 && p.AbortShare == 0 {
		return nil
	}
	return p
}

// apply delays and aborts the request. It returns false if the request ends
// here.
func (f *Fault) apply(p *Program, w http.ResponseWriter, v *match.View) bool {
	r := v.Request
	if f.DelayShare.holds(p.Random) {
		v.Record.Flag(observe.FlagDelay)
		timer := time.NewTimer(f.Delay)
		select {
		case <-timer.C:
		case <-r.Context().Done():
			timer.Stop()
			v.Record.Failed(observe.FlagDownstream, "", observe.DetailsClientGone)
			return false
		}
	}
	if !f.AbortShare.holds(p.Random) {
		return true
	}
	v.Record.Ended(observe.FlagFault, observe.DetailsFault)
	f.Abort(p, w, r)
	return false
}

// Abort answers instead of the destination.
func (f *Fault) Abort(p *Program, w http.ResponseWriter, r *http.Request) {
	if f.grpcStatus != "" && localreply.IsGRPC(r) {
		p.grpcReply(w, f.grpcStatus, AbortBody)
		return
	}
	p.localReply(w, r, f.Status, AbortBody)
}
