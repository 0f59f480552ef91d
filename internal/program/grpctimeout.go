package program

import (
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// parseGRPCTimeout returns the duration of a grpc-timeout header: up to eight
// digits and a unit. A malformed header sets no timeout.
func parseGRPCTimeout(text string) time.Duration {
	if len(text) < 2 || len(text) > 9 {
		return 0
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 64)
	if err != nil {
		return 0
	}
	var unit time.Duration
	switch text[len(text)-1] {
	case 'H':
		unit = time.Hour
	case 'M':
		unit = time.Minute
	case 'S':
		unit = time.Second
	case 'm':
		unit = time.Millisecond
	case 'u':
		unit = time.Microsecond
	case 'n':
		unit = time.Nanosecond
	}
	const longest = time.Duration(1<<63 - 1)
	if unit > 0 && n > uint64(longest/unit) {
		return longest
	}
	return time.Duration(n) * unit
}

// grpcReply answers a gRPC client with the given code and message.
func (p *Program) grpcReply(w http.ResponseWriter, code, message string) {
	h := w.Header()
	h["Content-Type"] = []string{"application/grpc"}
	h["Grpc-Status"] = []string{code}
	h["Grpc-Message"] = []string{message}
	if p.Semantics.SendsEnvoyHeaders() {
		h["Server"] = serverName
	}
	w.WriteHeader(http.StatusOK)
}

// GRPCTimedOut answers a gRPC client whose own timeout has passed, as Envoy
// does.
func (x *exchange) GRPCTimedOut(w http.ResponseWriter) {
	if x.w != nil {
		x.w.local = true
	}
	x.v.Record.Failed(upstream.FlagTimeout, "", observe.DetailsTimeout)
	x.program.grpcReply(w, "4", "downstream duration timeout")
}

// grpcTimeout returns how long a gRPC client waits, or 0. It is at most the
// route's timeout.
func (x *exchange) grpcTimeout() time.Duration {
	if !localreply.IsGRPC(x.in) {
		return 0
	}
	d := parseGRPCTimeout(field.First(x.in.Header, "Grpc-Timeout"))
	if limit := x.clause.Route.Timeout; limit > 0 {
		d = min(d, limit)
	}
	return d
}
