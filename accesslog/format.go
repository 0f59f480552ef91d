package accesslog

import (
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
// The operators are START_TIME, PROTOCOL, RESPONSE_CODE, RESPONSE_CODE_DETAILS,
// RESPONSE_FLAGS, BYTES_RECEIVED, BYTES_SENT, DURATION, RESPONSE_DURATION,
// UPSTREAM_HOST, UPSTREAM_CLUSTER, UPSTREAM_REQUEST_ATTEMPT_COUNT, ROUTE_NAME,
// VIRTUAL_CLUSTER_NAME, GRPC_STATUS, REQUESTED_SERVER_NAME, HOSTNAME, the
// DOWNSTREAM_… addresses, REQ(NAME?OTHER), RESP(NAME?OTHER), and Lateen's own
// LISTENER, VIRTUAL_HOST, VIRTUAL_SERVICE and RATE_LIMIT. An operator can have a
// maximum length, as in %REQ(USER-AGENT):40%.
func Text(format string) (Format, error) {
	var f Format
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			f.parts = append(f.parts, part{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(format); {
		if format[i] != '%' {
			text.WriteByte(format[i])
			i++
			continue
		}
		if strings.HasPrefix(format[i:], "%%") {
			text.WriteByte('%')
			i += 2
			continue
		}
		op, n, err := cut(format[i:])
		if err != nil {
			return Format{}, err
		}
		p, err := f.operator(op)
		if err != nil {
			return Format{}, err
		}
		flush()
		f.parts = append(f.parts, p)
		i += n
	}
	flush()
	return f, nil
}

// An operator is %NAME(argument):limit%, cut into its parts.
type operator struct {
	name, argument string
	hasArgument    bool
	limit          int // -1: none
}

// cut cuts the operator at the beginning of s and returns its length.
func cut(s string) (operator, int, error) {
	unbalanced := fmt.Errorf("the %% in %q begins no operator; a percent sign is written %%%%", s)
	op := operator{limit: -1}
	i := 1
	for i < len(s) && ('A' <= s[i] && s[i] <= 'Z' || '0' <= s[i] && s[i] <= '9' || s[i] == '_') {
		i++
	}
	op.name = s[1:i]
	if op.name == "" {
		return op, 0, unbalanced
	}
	if i < len(s) && s[i] == '(' {
		end := strings.IndexByte(s[i:], ')')
		if end < 0 {
			return op, 0, unbalanced
		}
		op.argument, op.hasArgument = s[i+1:i+end], true
		i += end + 1
	}
	if i < len(s) && s[i] == ':' {
		j := i + 1
		for j < len(s) && '0' <= s[j] && s[j] <= '9' {
			j++
		}
		limit, err := strconv.Atoi(s[i+1 : j])
		if err != nil {
			return op, 0, unbalanced
		}
		op.limit, i = limit, j
	}
	if i == len(s) || s[i] != '%' {
		return op, 0, unbalanced
	}
	return op, i + 1, nil
}

// operator compiles an operator, and records the headers that it reads.
func (f *Format) operator(op operator) (part, error) {
	var get func(*observe.Outcome) string
	switch number := numbers[op.name]; {
	case op.name == "START_TIME":
		format := strftime.Default
		if op.argument != "" {
			format = op.argument
		}
		layout, err := strftime.Parse(format)
		if err != nil {
			return part{}, err
		}
		return part{value: func(b []byte, o *observe.Outcome) []byte { return layout.Append(b, o.Start) }}, nil
	case op.name == "REQ" || op.name == "RESP":
		if !op.hasArgument || op.argument == "" {
			return part{}, fmt.Errorf("the operator %%%s%% needs the name of a header in parentheses", op.name)
		}
		get = f.header(op)
	case op.hasArgument:
		return part{}, fmt.Errorf("the operator %%%s%% takes no argument", op.name)
	case number != nil:
		return part{number: true, value: number}, nil
	case values[op.name] != nil:
		get = values[op.name]
	case op.name == "HOSTNAME":
		name, _ := os.Hostname()
		get = func(*observe.Outcome) string { return name }
	default:
		known := slices.Concat([]string{"START_TIME", "REQ", "RESP", "HOSTNAME"}, slices.Sorted(maps.Keys(numbers)), slices.Sorted(maps.Keys(values)))
		if near := suggest.Closest(op.name, known); near != "" {
			return part{}, fmt.Errorf("there is no operator %%%s%%; did you mean %%%s%%?", op.name, near)
		}
		return part{}, fmt.Errorf("there is no operator %%%s%%", op.name)
	}
	return part{value: func(b []byte, o *observe.Outcome) []byte {
		s := get(o)
		if op.limit >= 0 {
			s = s[:min(len(s), op.limit)]
		}
		return append(b, s...)
	}}, nil
}

// header is REQ(NAME?OTHER) and RESP(NAME?OTHER).
func (f *Format) header(op operator) func(*observe.Outcome) string {
	first, second, _ := strings.Cut(op.argument, "?")
	main, other := f.oneHeader(op.name, first), f.oneHeader(op.name, second)
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
	"ROUTE_NAME":                                    func(o *observe.Outcome) string { return o.Route },
	"VIRTUAL_CLUSTER_NAME":                          func(*observe.Outcome) string { return "" },
	"REQUESTED_SERVER_NAME":                         func(o *observe.Outcome) string { return o.ServerName },
	"DOWNSTREAM_REMOTE_ADDRESS":                     func(o *observe.Outcome) string { return o.PeerAddress },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS":              func(o *observe.Outcome) string { return o.PeerAddress },
	"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":        func(o *observe.Outcome) string { return o.ClientAddress },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": func(o *observe.Outcome) string { return withoutPort(o.PeerAddress) },
	"DOWNSTREAM_LOCAL_ADDRESS":                      func(o *observe.Outcome) string { return o.LocalAddress },
	"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT":         func(o *observe.Outcome) string { return withoutPort(o.LocalAddress) },
	"DOWNSTREAM_LOCAL_PORT": func(o *observe.Outcome) string {
		_, port, _ := net.SplitHostPort(o.LocalAddress)
		return port
	},
	"LISTENER":        func(o *observe.Outcome) string { return o.Listener },
	"VIRTUAL_HOST":    func(o *observe.Outcome) string { return o.VirtualHost },
	"VIRTUAL_SERVICE": func(o *observe.Outcome) string { return o.VirtualService },
	"RATE_LIMIT":      func(o *observe.Outcome) string { return o.Limit },
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
