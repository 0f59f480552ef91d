package accesslog

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/operator"
	"github.com/lateengo/gateway/internal/strftime"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/observe"
)

// Default is Envoy's default format.
const Default = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
	`%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ` +
	`"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`

// A Format is the form of a line. The zero Format is Default.
type Format struct {
	parts []part
	// request and response are the headers that the parts read.
	request, response []string
	json              bool
}

// A part is a text or an operator. In JSON, it is the value of a key.
type part struct {
	key   string
	text  string
	value func(b []byte, o *observe.Outcome) []byte
	// number means that the value is a number in JSON.
	number bool
}

// Text parses a format with Envoy's command operators, such as Default. "%%" is a
// percent sign. An operator without a value is "-". Control bytes, quotes and
// backslashes in a value are written as \xNN, so that a client cannot forge a line.
//
// The operators are those of header values, such as START_TIME, PROTOCOL,
// REQ(NAME?OTHER), RESP(NAME?OTHER), ROUTE_NAME and the DOWNSTREAM_… and UPSTREAM_…
// operators; BYTES_RECEIVED, BYTES_SENT, DURATION, RESPONSE_DURATION,
// UPSTREAM_REQUEST_ATTEMPT_COUNT, GRPC_STATUS; and Lateen's own LISTENER, VIRTUAL_HOST,
// VIRTUAL_SERVICE and RATE_LIMIT. PATH and REQ(:PATH) are the path as the client sent
// it. An operator can have a maximum length, as in %REQ(USER-AGENT):40%.
func Text(format string) (Format, error) {
	var f Format
	err := operator.Parse(format, func(text string) { f.parts = append(f.parts, part{text: text}) }, func(op operator.Operator) error {
		p, err := f.operator(op)
		f.parts = append(f.parts, p)
		return err
	})
	if err != nil {
		return Format{}, err
	}
	return f, nil
}

// operator compiles an operator, and records the headers that it reads.
func (f *Format) operator(op operator.Operator) (part, error) {
	var get func(*observe.Outcome) string
	switch number := numbers[op.Name]; {
	case op.Name == "START_TIME":
		format := strftime.Default
		if op.Argument != "" {
			format = op.Argument
		}
		layout, err := strftime.Parse(format)
		if err != nil {
			return part{}, err
		}
		return part{value: func(b []byte, o *observe.Outcome) []byte { return layout.Append(b, o.Start) }}, nil
	case op.Name == "REQ" || op.Name == "RESP":
		if !op.HasArgument || op.Argument == "" {
			return part{}, fmt.Errorf("the operator %%%s%% needs the name of a header in parentheses", op.Name)
		}
		get = f.header(op)
	case op.Name == "PATH" || op.HasArgument && withArgument[op.Name] != nil:
		var err error
		if get, err = withArgument[op.Name](op.Argument); err != nil {
			return part{}, err
		}
	case withArgument[op.Name] != nil:
		return part{}, fmt.Errorf("the operator %%%s%% needs an argument in parentheses", op.Name)
	case op.HasArgument:
		return part{}, fmt.Errorf("the operator %%%s%% takes no argument", op.Name)
	case number != nil:
		return part{number: true, value: number}, nil
	case values[op.Name] != nil:
		get = values[op.Name]
	case header.ConnectionOperators[op.Name] != nil || header.CertificateOperators[op.Name] != nil:
		get = tlsValue(op.Name)
	case op.Name == "HOSTNAME":
		name, _ := os.Hostname()
		get = func(*observe.Outcome) string { return name }
	default:
		known := slices.Concat([]string{"START_TIME", "REQ", "RESP", "HOSTNAME"}, header.TLSOperatorNames(), slices.Sorted(maps.Keys(withArgument)), slices.Sorted(maps.Keys(numbers)), slices.Sorted(maps.Keys(values)))
		if near := suggest.Closest(op.Name, known); near != "" {
			return part{}, fmt.Errorf("there is no operator %%%s%%; did you mean %%%s%%?", op.Name, near)
		}
		return part{}, fmt.Errorf("there is no operator %%%s%%", op.Name)
	}
	return part{value: func(b []byte, o *observe.Outcome) []byte {
		s := get(o)
		if op.Limit >= 0 {
			s = s[:min(len(s), op.Limit)]
		}
		return append(b, s...)
	}}, nil
}

// header is REQ(NAME?OTHER) and RESP(NAME?OTHER).
func (f *Format) header(op operator.Operator) func(*observe.Outcome) string {
	first, second, _ := strings.Cut(op.Argument, "?")
	main, other := f.oneHeader(op.Name, first), f.oneHeader(op.Name, second)
	return func(o *observe.Outcome) string {
		if v := main(o); v != "" || second == "" {
			return v
		}
		return other(o)
	}
}

func (f *Format) oneHeader(operator, name string) func(*observe.Outcome) string {
	if operator == "REQ" {
		switch strings.ToLower(name) {
		case ":method":
			return func(o *observe.Outcome) string { return o.Method }
		case ":scheme":
			return func(o *observe.Outcome) string { return o.Scheme }
		case ":authority", "host":
			return func(o *observe.Outcome) string { return o.Authority }
		case ":path":
			return func(o *observe.Outcome) string { return o.Path }
		case "x-request-id":
			return func(o *observe.Outcome) string { return o.RequestID }
		}
	}
	if name == "" {
		return func(*observe.Outcome) string { return "" }
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	list := &f.request
	if operator == "RESP" {
		list = &f.response
	}
	if !slices.Contains(*list, key) {
		*list = append(*list, key)
	}
	if operator == "RESP" {
		return func(o *observe.Outcome) string { return joined(o.ResponseHeader, key) }
	}
	return func(o *observe.Outcome) string { return joined(o.RequestHeader, key) }
}

func joined(h http.Header, key string) string {
	if lines := h[key]; len(lines) != 1 {
		return strings.Join(lines, ",")
	}
	return h[key][0]
}

// numbers are the operators that are numbers in JSON.
var numbers = map[string]func([]byte, *observe.Outcome) []byte{
	"RESPONSE_CODE":  func(b []byte, o *observe.Outcome) []byte { return strconv.AppendInt(b, int64(o.Status), 10) },
	"BYTES_RECEIVED": func(b []byte, o *observe.Outcome) []byte { return strconv.AppendInt(b, o.RequestBytes, 10) },
	"BYTES_SENT":     func(b []byte, o *observe.Outcome) []byte { return strconv.AppendInt(b, o.ResponseBytes, 10) },
	"DURATION":       func(b []byte, o *observe.Outcome) []byte { return milliseconds(b, o.Duration) },
	"RESPONSE_DURATION": func(b []byte, o *observe.Outcome) []byte {
		if o.FirstByte == 0 {
			return b
		}
		return milliseconds(b, o.FirstByte)
	},
	"UPSTREAM_REQUEST_ATTEMPT_COUNT": func(b []byte, o *observe.Outcome) []byte {
		if o.Destination == nil {
			return append(b, '0')
		}
		return strconv.AppendInt(b, int64(len(o.Tries)+1), 10)
	},
}

func milliseconds(b []byte, d time.Duration) []byte {
	return strconv.AppendInt(b, d.Milliseconds(), 10)
}

// values are the other operators without argument.
var values = map[string]func(*observe.Outcome) string{
	"PROTOCOL":              func(o *observe.Outcome) string { return o.Protocol },
	"RESPONSE_FLAGS":        func(o *observe.Outcome) string { return o.Flags },
	"RESPONSE_CODE_DETAILS": func(o *observe.Outcome) string { return o.Details },
	"GRPC_STATUS":           func(o *observe.Outcome) string { return o.GRPCStatus },
	"UPSTREAM_HOST":         func(o *observe.Outcome) string { return o.Endpoint },
	"UPSTREAM_CLUSTER": func(o *observe.Outcome) string {
		if o.Destination == nil {
			return ""
		}
		return o.Destination.Cluster
	},
	"ROUTE_NAME":                           func(o *observe.Outcome) string { return o.Route },
	"VIRTUAL_CLUSTER_NAME":                 func(*observe.Outcome) string { return "" },
	"REQUESTED_SERVER_NAME":                func(o *observe.Outcome) string { return o.ServerName },
	"STREAM_ID":                            func(o *observe.Outcome) string { return o.RequestID },
	"TRACE_ID":                             func(*observe.Outcome) string { return "" },
	"UNIQUE_ID":                            func(*observe.Outcome) string { return uniqueIDs.RequestID() },
	"UPSTREAM_PROTOCOL":                    func(o *observe.Outcome) string { return o.UpstreamProtocol },
	"UPSTREAM_REMOTE_ADDRESS":              func(o *observe.Outcome) string { return o.Endpoint },
	"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": func(o *observe.Outcome) string { return withoutPort(o.Endpoint) },
	"UPSTREAM_REMOTE_PORT":                 func(o *observe.Outcome) string { return portOf(o.Endpoint) },
	"DOWNSTREAM_REMOTE_ADDRESS": func(o *observe.Outcome) string {
		if o.ClientAddress != "" && o.ClientAddress != withoutPort(o.PeerAddress) {
			return net.JoinHostPort(o.ClientAddress, "0") // as a trusted proxy tells
		}
		return o.PeerAddress
	},
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS":              func(o *observe.Outcome) string { return o.PeerAddress },
	"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":        func(o *observe.Outcome) string { return o.ClientAddress },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": func(o *observe.Outcome) string { return withoutPort(o.PeerAddress) },
	"DOWNSTREAM_LOCAL_ADDRESS":                      func(o *observe.Outcome) string { return o.LocalAddress },
	"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT":         func(o *observe.Outcome) string { return withoutPort(o.LocalAddress) },
	"DOWNSTREAM_LOCAL_PORT":                         func(o *observe.Outcome) string { return portOf(o.LocalAddress) },
	"LISTENER":                                      func(o *observe.Outcome) string { return o.Listener },
	"VIRTUAL_HOST":                                  func(o *observe.Outcome) string { return o.VirtualHost },
	"VIRTUAL_SERVICE":                               func(o *observe.Outcome) string { return o.VirtualService },
	"RATE_LIMIT":                                    func(o *observe.Outcome) string { return o.Limit },
}

// uniqueIDs makes the values of UNIQUE_ID.
var uniqueIDs = edge.Edge{Random: edge.Random, IDs: new(edge.RequestIDs)}

// withArgument are the operators with an argument, which is optional for PATH.
var withArgument = map[string]func(argument string) (func(*observe.Outcome) string, error){
	"ENVIRONMENT": func(name string) (func(*observe.Outcome) string, error) {
		if name == "" {
			return nil, errors.New("%ENVIRONMENT()% names no variable")
		}
		value := os.Getenv(name)
		return func(*observe.Outcome) string { return value }, nil
	},
	"PATH": func(part string) (func(*observe.Outcome) string, error) {
		switch part {
		case "", "WQ":
			return func(o *observe.Outcome) string { return o.Path }, nil
		case "NQ":
			return func(o *observe.Outcome) string {
				path, _, _ := strings.Cut(o.Path, "?")
				return path
			}, nil
		}
		return nil, fmt.Errorf("%%PATH(%s)%% is neither PATH(WQ), with query, nor PATH(NQ), without", part)
	},
	"QUERY_PARAM": func(name string) (func(*observe.Outcome) string, error) {
		return func(o *observe.Outcome) string {
			_, query, _ := strings.Cut(o.Path, "?")
			return header.QueryParam(query, name)
		}, nil
	},
}

// tlsValue returns what reads the client's TLS connection.
func tlsValue(name string) func(*observe.Outcome) string {
	connection, certificate := header.ConnectionOperators[name], header.CertificateOperators[name]
	return func(o *observe.Outcome) string {
		switch {
		case o.TLSState == nil:
		case connection != nil:
			return connection(o.TLSState)
		case len(o.TLSState.PeerCertificates) > 0:
			return certificate(o.TLSState.PeerCertificates[0])
		}
		return ""
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func withoutPort(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// append appends the line of an outcome.
func (f *Format) append(b []byte, o *observe.Outcome) []byte {
	if f.json {
		return f.appendJSON(b, o)
	}
	for i := range f.parts {
		p := &f.parts[i]
		if p.value == nil {
			b = append(b, p.text...)
			continue
		}
		from := len(b)
		b = p.value(b, o)
		if len(b) == from {
			b = append(b, '-')
			continue
		}
		b = escaped(b, from)
	}
	return append(b, '\n')
}

// escaped escapes the bytes of b from an index on.
func escaped(b []byte, from int) []byte {
	for i := from; i < len(b); i++ {
		if !plain(b[i]) {
			return escapedFrom(b, i)
		}
	}
	return b
}

func plain(c byte) bool { return c >= ' ' && c != 0x7f && c != '"' && c != '\\' }

func escapedFrom(b []byte, from int) []byte {
	const hex = "0123456789abcdef"
	rest := string(b[from:])
	b = b[:from]
	for i := range len(rest) {
		if c := rest[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return b
}
