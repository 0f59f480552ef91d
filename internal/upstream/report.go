package upstream

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/lateengo/gateway/internal/localreply"
)

// reportHead reports the head of a final response to the outlier detection.
func (x *exchange) reportHead(status int, header func(key string) string) {
	if x.host.monitor == nil {
		return
	}
	if localreply.IsGRPC(x.r) {
		if text := header("Grpc-Status"); text != "" {
			status = statusOfGRPC(text)
		}
	}
	x.status = status
	if status < 500 && x.upstream.config.JudgeWholeResponses && status != http.StatusSwitchingProtocols {
		return
	}
	x.host.monitor.Response(status)
}

// reportEnd reports the end of a complete response to the outlier detection.
func (x *exchange) reportEnd() {
	if x.host.monitor != nil && x.status < 500 && x.upstream.config.JudgeWholeResponses {
		x.host.monitor.Response(x.status)
	}
}

// cut ends a response whose body the backend has not finished. That is a failure like a
// missing response, as in Envoy's router, unless the client has left.
func (x *exchange) cut() {
	if x.r.Context().Err() == nil && (x.status < 500 || !x.upstream.config.JudgeWholeResponses) {
		x.host.monitor.Failed()
	}
	abort()
}

// reportFailure reports a try without a response to the outlier detection.
// Failures that the host did not cause are not counted: an overflow, a client
// that disconnected, or a request that cannot be sent.
func (h *host) reportFailure(f *Failure) {
	var request *requestError
	if errors.Is(f.Err, errQueued) || errors.As(f.Err, &request) {
		return
	}
	switch f.Flag {
	case FlagTimeout:
		h.monitor.TimedOut()
	case FlagConnectFailure, FlagTermination, FlagReset, FlagProtocolError:
		h.monitor.Failed()
	}
}

// grpcStatuses are the HTTP statuses for gRPC's statuses, as in Envoy.
var grpcStatuses = [...]int{
	0:  http.StatusOK,
	1:  StatusClientClosed,
	2:  http.StatusInternalServerError,
	3:  http.StatusBadRequest,
	4:  http.StatusGatewayTimeout,
	5:  http.StatusNotFound,
	6:  http.StatusConflict,
	7:  http.StatusForbidden,
	8:  http.StatusTooManyRequests,
	9:  http.StatusBadRequest,
	10: http.StatusConflict,
	11: http.StatusBadRequest,
	12: http.StatusNotImplemented,
	13: http.StatusInternalServerError,
	14: http.StatusServiceUnavailable,
	15: http.StatusInternalServerError,
	16: http.StatusUnauthorized,
}

// statusOfGRPC returns the HTTP status for a grpc-status header.
func statusOfGRPC(text string) int {
	code, err := strconv.ParseUint(text, 10, 8)
	if err != nil || code >= uint64(len(grpcStatuses)) {
		return http.StatusInternalServerError
	}
	return grpcStatuses[code]
}
