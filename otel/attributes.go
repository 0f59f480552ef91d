package otel

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/lateengo/gateway/observe"
)

// What Envoy's spans have beside OpenTelemetry's conventions.
const (
	upstreamCluster     = attribute.Key("upstream_cluster")
	upstreamClusterName = attribute.Key("upstream_cluster.name")
	responseFlags       = attribute.Key("response_flags")
	requestSize         = attribute.Key("request_size")
	responseSize        = attribute.Key("response_size")
	requestID           = attribute.Key("guid:x-request-id")
	grpcStatusCode      = attribute.Key("grpc.status_code")
)

// known are the methods that OpenTelemetry knows.
var known = map[string]attribute.KeyValue{
	http.MethodConnect: semconv.HTTPRequestMethodConnect,
	http.MethodDelete:  semconv.HTTPRequestMethodDelete,
	http.MethodGet:     semconv.HTTPRequestMethodGet,
	http.MethodHead:    semconv.HTTPRequestMethodHead,
	http.MethodOptions: semconv.HTTPRequestMethodOptions,
	http.MethodPatch:   semconv.HTTPRequestMethodPatch,
	http.MethodPost:    semconv.HTTPRequestMethodPost,
	http.MethodPut:     semconv.HTTPRequestMethodPut,
	"QUERY":            semconv.HTTPRequestMethodQuery,
	http.MethodTrace:   semconv.HTTPRequestMethodTrace,
}

// method returns a method as a name of a span, of which there may not be too many.
func method(name string) string {
	if _, ok := known[name]; ok {
		return name
	}
	return "HTTP"
}

// methods returns the attributes of a method.
func methods(name string) []attribute.KeyValue {
	if a, ok := known[name]; ok {
		return []attribute.KeyValue{a}
	}
	return []attribute.KeyValue{semconv.HTTPRequestMethodOther, semconv.HTTPRequestMethodOriginal(name)}
}

// address adds the attributes of a "host:port". What is none, such as the path of a
// socket, is a host.
func address(to []attribute.KeyValue, host, port attribute.Key, hostport string) []attribute.KeyValue {
	name, number, err := net.SplitHostPort(hostport)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	if name != "" {
		to = append(to, host.String(name))
	}
	if n, err := strconv.Atoi(number); err == nil {
		to = append(to, port.Int(n))
	}
	return to
}

// flags returns the attribute of response flags, as Envoy writes it.
func flags(f string) attribute.KeyValue {
	if f == "" {
		f = "-"
	}
	return responseFlags.String(f)
}

// version returns the version of HTTP.
func version(protocol string) string {
	v := strings.TrimPrefix(protocol, "HTTP/")
	if v == "2.0" {
		return "2"
	}
	return v
}

// failed reports whether an outcome is an error of a span.
func failed(o *observe.Outcome) bool {
	if o.Failed() {
		return true
	}
	switch o.GRPCStatus {
	case "2", "4", "12", "13", "14", "15":
		// UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and
		// DATA_LOSS are the server's failures. Others are the client's.
		return true
	}
	return false
}
