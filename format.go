package gateway

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/suggest"
)

// A format is a header value with Envoy's command operators, parsed: texts and
// operators in turn. A missing value is an empty text.
type format []formatPart

type formatPart struct {
	text  string
	value func(*formatContext) string
}

// A formatContext is what operators look at.
type formatContext struct {
	x *exchange
	// request is the request's headers as they stand.
	request http.Header
	// rewritten says that :path and :authority are those sent upstream.
	rewritten bool
	// response is nil in request operations.
	response http.Header
	status   int
}

// formatContext returns what the values of ops look at, nil if they are constant.
func (x *exchange) formatContext(ops *headerProgram) *formatContext {
	if !ops.dynamic {
		return nil
	}
	return &formatContext{x: x, request: x.req.Header}
}

// started returns when the request was taken.
func (x *exchange) started() time.Time {
	if x.w == nil {
		return time.Now()
	}
	return x.w.start
}

// text returns the format with every operator's value put in.
func (f format) text(c *formatContext) string {
	if len(f) == 1 {
		if f[0].value != nil {
			return f[0].value(c)
		}
		return f[0].text
	}
	var b strings.Builder
	for _, p := range f {
		if p.value != nil {
			b.WriteString(p.value(c))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// constant returns the text of a format without operators.
func (f format) constant() (string, bool) {
	switch {
	case len(f) == 0:
		return "", true
	case len(f) == 1 && f[0].value == nil:
		return f[0].text, true
	}
	return "", false
}

// A formatError says what is wrong with a header value.
type formatError struct {
	problem, suggestion string
}

func (e *formatError) Error() string { return e.problem }

// parseFormat parses a header value. "%%" is a percent sign.
func parseFormat(value string) (format, *formatError) {
	var f format
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			f = append(f, formatPart{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(value); {
		c := value[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, &formatError{problem: fmt.Sprintf("the value %q holds a control character", value)}
		}
		if c != '%' {
			text.WriteByte(c)
			i++
			continue
		}
		if strings.HasPrefix(value[i:], "%%") {
			text.WriteByte('%')
			i += 2
			continue
		}
		op, n, err := cutOperator(value[i:])
		if err != nil {
			return nil, err
		}
		v, err := op.compile()
		if err != nil {
			return nil, err
		}
		flush()
		f = append(f, formatPart{value: v})
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

// cutOperator cuts the operator at the beginning of s and returns its length.
func cutOperator(s string) (operator, int, *formatError) {
	unbalanced := &formatError{problem: fmt.Sprintf("the %% in %q begins no operator; a percent sign is written %%%%", s)}
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
	if i >= len(s) || s[i] != '%' {
		return op, 0, unbalanced
	}
	return op, i + 1, nil
}

// simpleOperators take no argument.
var simpleOperators = map[string]func(*formatContext) string{
	"DOWNSTREAM_REMOTE_ADDRESS": func(c *formatContext) string {
		if c.x.program.edge.trusted > 0 {
			if a := c.x.program.edge.clientAddress(c.x.in); a != peerAddress(c.x.in) {
				return net.JoinHostPort(a, "0")
			}
		}
		return c.x.in.RemoteAddr
	},
	"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":        func(c *formatContext) string { return c.x.program.edge.clientAddress(c.x.in) },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS":              func(c *formatContext) string { return c.x.in.RemoteAddr },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": func(c *formatContext) string { return peerAddress(c.x.in) },
	"DOWNSTREAM_LOCAL_ADDRESS":                      func(c *formatContext) string { return localAddress(c.x.in) },
	"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": func(c *formatContext) string {
		host, _, _ := net.SplitHostPort(localAddress(c.x.in))
		return host
	},
	"DOWNSTREAM_LOCAL_PORT": func(c *formatContext) string {
		_, port, _ := net.SplitHostPort(localAddress(c.x.in))
		return port
	},
	"PROTOCOL": func(c *formatContext) string {
		if c.x.in.ProtoMajor >= 2 {
			return "HTTP/2"
		}
		return c.x.in.Proto
	},
	"REQUESTED_SERVER_NAME": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil {
			return t.ServerName
		}
		return ""
	},
	"DOWNSTREAM_TLS_VERSION": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil {
			return strings.ReplaceAll(tls.VersionName(t.Version), "TLS 1", "TLSv1")
		}
		return ""
	},
	"DOWNSTREAM_TLS_CIPHER": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil {
			return tls.CipherSuiteName(t.CipherSuite)
		}
		return ""
	},
	"DOWNSTREAM_PEER_SUBJECT": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil && len(t.PeerCertificates) > 0 {
			return t.PeerCertificates[0].Subject.String()
		}
		return ""
	},
	"DOWNSTREAM_PEER_URI_SAN": func(c *formatContext) string {
		var names []string
		if t := c.x.in.TLS; t != nil && len(t.PeerCertificates) > 0 {
			for _, u := range t.PeerCertificates[0].URIs {
				names = append(names, u.String())
			}
		}
		return strings.Join(names, ",")
	},
	"DOWNSTREAM_PEER_DNS_SAN": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil && len(t.PeerCertificates) > 0 {
			return strings.Join(t.PeerCertificates[0].DNSNames, ",")
		}
		return ""
	},
	"DOWNSTREAM_PEER_CERT": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil && len(t.PeerCertificates) > 0 {
			return escapeCertificate(t.PeerCertificates[0])
		}
		return ""
	},
	"DOWNSTREAM_PEER_FINGERPRINT_256": func(c *formatContext) string {
		if t := c.x.in.TLS; t != nil && len(t.PeerCertificates) > 0 {
			sum := sha256.Sum256(t.PeerCertificates[0].Raw)
			return hex.EncodeToString(sum[:])
		}
		return ""
	},
	"HOSTNAME": func(*formatContext) string {
		name, _ := os.Hostname()
		return name
	},
	"ROUTE_NAME": func(c *formatContext) string { return c.x.clause.name },
	"UPSTREAM_CLUSTER": func(c *formatContext) string {
		if c.x.dest == nil {
			return ""
		}
		return c.x.dest.cluster()
	},
	"UPSTREAM_PROTOCOL": func(c *formatContext) string {
		if c.response == nil {
			return ""
		}
		return "HTTP/1.1"
	},
	"RESPONSE_CODE": func(c *formatContext) string {
		if c.response == nil {
			return ""
		}
		return strconv.Itoa(c.status)
	},
	"STREAM_ID": func(c *formatContext) string {
		id, _ := joined(c.request[headerRequestID])
		return id
	},
}

// operatorsWithArgument take one, all but START_TIME need it.
var operatorsWithArgument = map[string]func(argument string) (func(*formatContext) string, *formatError){
	"REQ":         requestOperator,
	"RESP":        responseOperator,
	"START_TIME":  startTimeOperator,
	"ENVIRONMENT": environmentOperator,
	"QUERY_PARAM": func(name string) (func(*formatContext) string, *formatError) {
		return func(c *formatContext) string {
			value, _ := queryValue(c.x.in.URL.RawQuery, name)
			return value
		}, nil
	},
	"PATH": pathOperator,
}

// compile returns what yields the operator's value.
func (o operator) compile() (func(*formatContext) string, *formatError) {
	var value func(*formatContext) string
	if simple, ok := simpleOperators[o.name]; ok && !o.hasArgument {
		value = simple
	} else if compile, ok := operatorsWithArgument[o.name]; ok && (o.hasArgument || o.name == "START_TIME") {
		v, err := compile(o.argument)
		if err != nil {
			return nil, err
		}
		value = v
	} else if ok || simpleOperators[o.name] != nil {
		return nil, &formatError{problem: fmt.Sprintf("the operator %%%s%% is written with an argument in parentheses or without, not as here", o.name)}
	} else {
		names := append(sortedKeys(simpleOperators), sortedKeys(operatorsWithArgument)...)
		return nil, &formatError{fmt.Sprintf("there is no operator %%%s%%", o.name), suggest.Closest(o.name, names)}
	}
	if o.limit < 0 {
		return value, nil
	}
	return func(c *formatContext) string {
		v := value(c)
		return v[:min(len(v), o.limit)]
	}, nil
}

// requestOperator is REQ(NAME) and REQ(NAME?OTHER).
func requestOperator(argument string) (func(*formatContext) string, *formatError) {
	first, second, _ := strings.Cut(argument, "?")
	if first == "" {
		return nil, &formatError{problem: "%REQ()% names no header"}
	}
	main, other := requestHeader(first), requestHeader(second)
	return func(c *formatContext) string {
		if v := main(c); v != "" || second == "" {
			return v
		}
		return other(c)
	}, nil
}

func requestHeader(name string) func(*formatContext) string {
	switch strings.ToLower(name) {
	case ":method":
		return func(c *formatContext) string { return c.x.in.Method }
	case ":scheme":
		return func(c *formatContext) string { return c.x.v.scheme }
	case ":authority", "host":
		return func(c *formatContext) string {
			if c.rewritten {
				return c.x.req.Host
			}
			return c.x.in.Host
		}
	case ":path":
		return func(c *formatContext) string {
			if c.rewritten {
				return requestTarget(&c.x.req)
			}
			return c.x.v.pathAndQuery()
		}
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	return func(c *formatContext) string {
		v, _ := joined(c.request[key])
		return v
	}
}

// responseOperator is RESP(NAME) and RESP(NAME?OTHER).
func responseOperator(argument string) (func(*formatContext) string, *formatError) {
	first, second, _ := strings.Cut(argument, "?")
	if first == "" {
		return nil, &formatError{problem: "%RESP()% names no header"}
	}
	main, other := textproto.CanonicalMIMEHeaderKey(first), textproto.CanonicalMIMEHeaderKey(second)
	return func(c *formatContext) string {
		v, ok := joined(c.response[main])
		if !ok {
			v, _ = joined(c.response[other])
		}
		return v
	}, nil
}

// pathOperator is PATH(WQ) with query, PATH(NQ) without.
func pathOperator(argument string) (func(*formatContext) string, *formatError) {
	switch argument {
	case "", "WQ":
		return func(c *formatContext) string { return c.x.v.pathAndQuery() }, nil
	case "NQ":
		return func(c *formatContext) string { return c.x.v.path }, nil
	}
	return nil, &formatError{fmt.Sprintf("%%PATH(%s)%% is neither PATH(WQ), with query, nor PATH(NQ), without", argument), ""}
}

// environmentOperator is ENVIRONMENT(NAME), read when the program is built.
func environmentOperator(name string) (func(*formatContext) string, *formatError) {
	if name == "" {
		return nil, &formatError{problem: "%ENVIRONMENT()% names no variable"}
	}
	value := os.Getenv(name)
	return func(*formatContext) string { return value }, nil
}

// timeVerbs are the strftime conversions of START_TIME that we know, as layouts
// of package time.
var timeVerbs = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'p': "PM", 'I': "03", 'j': "002", 'e': "_2",
}

// startTimeOperator is START_TIME and START_TIME(strftime format), in UTC.
func startTimeOperator(argument string) (func(*formatContext) string, *formatError) {
	if argument == "" {
		argument = "%Y-%m-%dT%H:%M:%S.%3fZ"
	}
	var parts []func(time.Time) string
	for i := 0; i < len(argument); {
		if argument[i] != '%' {
			end := i + 1
			for end < len(argument) && argument[end] != '%' {
				end++
			}
			text := argument[i:end]
			parts = append(parts, func(time.Time) string { return text })
			i = end
			continue
		}
		digits := 0
		j := i + 1
		for j < len(argument) && '0' <= argument[j] && argument[j] <= '9' {
			digits = min(digits*10+int(argument[j]-'0'), 9)
			j++
		}
		if j == len(argument) {
			return nil, &formatError{problem: fmt.Sprintf("the time format %q ends in an unfinished conversion", argument)}
		}
		switch verb := argument[j]; {
		case verb == 'f':
			if digits == 0 {
				digits = 9
			}
			parts = append(parts, func(t time.Time) string { return fmt.Sprintf("%09d", t.Nanosecond())[:digits] })
		case verb == 's':
			parts = append(parts, func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) })
		case verb == '%':
			parts = append(parts, func(time.Time) string { return "%" })
		case timeVerbs[verb] != "":
			layout := timeVerbs[verb]
			parts = append(parts, func(t time.Time) string { return t.Format(layout) })
		default:
			return nil, &formatError{problem: fmt.Sprintf("the time format %q has the unknown conversion %%%c", argument, verb)}
		}
		i = j + 1
	}
	return func(c *formatContext) string {
		t := c.x.started().UTC()
		var b strings.Builder
		for _, part := range parts {
			b.WriteString(part(t))
		}
		return b.String()
	}, nil
}

// localAddress returns the address that the client connected to, if the server
// tells.
func localAddress(r *http.Request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && a != nil {
		return a.String()
	}
	return ""
}
