package header

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/escape"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/operator"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/internal/suggest"
)

// simpleOperators take no argument.
var simpleOperators = map[string]func(*Context) string{
	"DOWNSTREAM_REMOTE_ADDRESS": func(c *Context) string {
		if c.X.Edge().Trusted > 0 {
			if a := c.X.Edge().ClientAddress(c.X.Incoming()); a != edge.PeerAddress(c.X.Incoming()) {
				return net.JoinHostPort(a, "0")
			}
		}
		return c.X.Incoming().RemoteAddr
	},
	"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":        func(c *Context) string { return c.X.Edge().ClientAddress(c.X.Incoming()) },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS":              func(c *Context) string { return c.X.Incoming().RemoteAddr },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": func(c *Context) string { return edge.PeerAddress(c.X.Incoming()) },
	"DOWNSTREAM_LOCAL_ADDRESS":                      func(c *Context) string { return localAddress(c.X.Incoming()) },
	"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": func(c *Context) string {
		host, _, _ := net.SplitHostPort(localAddress(c.X.Incoming()))
		return host
	},
	"DOWNSTREAM_LOCAL_PORT": func(c *Context) string {
		_, port, _ := net.SplitHostPort(localAddress(c.X.Incoming()))
		return port
	},
	"PROTOCOL": func(c *Context) string {
		if c.X.Incoming().ProtoMajor >= 2 {
			return "HTTP/2"
		}
		return c.X.Incoming().Proto
	},
	"ROUTE_NAME":       func(c *Context) string { return c.X.RouteName() },
	"UPSTREAM_CLUSTER": func(c *Context) string { return c.X.Cluster() },
	"UPSTREAM_PROTOCOL": func(c *Context) string {
		if !c.fromDestination() {
			return ""
		}
		_, protocol := c.upstreamHost()
		return cmp.Or(protocol, "HTTP/1.1")
	},
	"UPSTREAM_HOST":           upstreamAddress,
	"UPSTREAM_REMOTE_ADDRESS": upstreamAddress,
	"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": func(c *Context) string {
		host, _, _ := net.SplitHostPort(upstreamAddress(c))
		return host
	},
	"UPSTREAM_REMOTE_PORT": func(c *Context) string {
		_, port, _ := net.SplitHostPort(upstreamAddress(c))
		return port
	},
	"RESPONSE_CODE": func(c *Context) string {
		if c.Response == nil {
			return ""
		}
		return strconv.Itoa(c.Status)
	},
	// Response operations are never applied to a response that has a flag.
	"RESPONSE_FLAGS": func(c *Context) string {
		if c.Response == nil {
			return ""
		}
		return "-"
	},
	"RESPONSE_CODE_DETAILS": func(c *Context) string {
		switch {
		case c.fromDestination():
			return "via_upstream"
		case c.Response != nil:
			return "direct_response"
		}
		return ""
	},
	"STREAM_ID": requestHeader(edge.RequestIDHeader),
	"UNIQUE_ID": func(c *Context) string { return c.X.Edge().RequestID() },
	// These have no value in a gateway.
	"VIRTUAL_CLUSTER_NAME": noValue,
	"TRACE_ID":             noValue,
}

func noValue(*Context) string { return "" }

// fromDestination reports whether the operations apply to a destination's
// response.
func (c *Context) fromDestination() bool { return c.Response != nil && c.X.Forwarded() }

// operatorsWithArgument take an argument, which is optional for START_TIME and
// PATH.
var operatorsWithArgument = map[string]func(argument string) (func(*Context) string, *FormatError){
	"REQ":         requestOperator,
	"RESP":        responseOperator,
	"START_TIME":  startTimeOperator,
	"ENVIRONMENT": environmentOperator,
	"QUERY_PARAM": queryOperator,
	"PATH":        pathOperator,
}

// upstreamHost returns the endpoint that answers. Both are empty in request
// operations, and for a backend in this process.
func (c *Context) upstreamHost() (address, protocol string) {
	if !c.fromDestination() {
		return "", ""
	}
	return c.X.Upstream()
}

func upstreamAddress(c *Context) string {
	address, _ := c.upstreamHost()
	return address
}

// operatorsNotExecuted are Envoy operators that Istio accepts but Lateen does
// not support.
var operatorsNotExecuted = []string{
	"CONNECTION_ID", "DYNAMIC_METADATA", "FILTER_STATE",
}

// compileOperator returns the function for the operator's value.
func compileOperator(o operator.Operator) (func(*Context) string, *FormatError) {
	value := simpleOperators[o.Name]
	if value == nil {
		value = tlsOperator(o.Name)
	}
	withArgument := operatorsWithArgument[o.Name]
	if o.Name == "HOSTNAME" {
		value = hostnameOperator()
	}
	switch {
	case value != nil && !o.HasArgument:
	case withArgument != nil && (o.HasArgument || o.Name == "START_TIME" || o.Name == "PATH"):
		v, err := withArgument(o.Argument)
		if err != nil {
			return nil, err
		}
		value = v
	case value != nil:
		return nil, &FormatError{Problem: fmt.Sprintf("the operator %%%s%% takes no argument", o.Name)}
	case withArgument != nil:
		return nil, &FormatError{Problem: fmt.Sprintf("the operator %%%s%% needs an argument in parentheses", o.Name)}
	case slices.Contains(operatorsNotExecuted, o.Name):
		return nil, &FormatError{Problem: fmt.Sprintf("the operator %%%s%% is not executed", o.Name)}
	default:
		return nil, &FormatError{fmt.Sprintf("there is no operator %%%s%%", o.Name), suggest.Closest(o.Name, OperatorNames())}
	}
	if o.Limit < 0 {
		return value, nil
	}
	return func(c *Context) string {
		v := value(c)
		return v[:min(len(v), o.Limit)]
	}, nil
}

// OperatorNames returns the names of all supported operators.
func OperatorNames() []string {
	return slices.Concat([]string{"HOSTNAME"}, slices.Sorted(maps.Keys(simpleOperators)), slices.Sorted(maps.Keys(operatorsWithArgument)),
		TLSOperatorNames())
}

// hostnameOperator is HOSTNAME, read when the program is built.
func hostnameOperator() func(*Context) string {
	name, _ := os.Hostname()
	return func(*Context) string { return name }
}

// requestOperator is REQ(NAME) and REQ(NAME?OTHER).
func requestOperator(argument string) (func(*Context) string, *FormatError) {
	first, second, _ := strings.Cut(argument, "?")
	if first == "" {
		return nil, &FormatError{Problem: "%REQ()% names no header"}
	}
	if strings.Contains(second, "?") {
		return nil, &FormatError{Problem: fmt.Sprintf("%%REQ(%s)%% names more than one alternative", argument)}
	}
	main, other := requestHeader(first), requestHeader(second)
	return func(c *Context) string {
		if v := main(c); v != "" || second == "" {
			return v
		}
		return other(c)
	}, nil
}

func requestHeader(name string) func(*Context) string {
	switch strings.ToLower(name) {
	case ":method":
		return func(c *Context) string { return c.X.Incoming().Method }
	case ":scheme":
		return func(c *Context) string { return c.X.Scheme() }
	case ":authority", "host":
		return func(c *Context) string {
			if c.Rewritten {
				return c.X.Sent().Host
			}
			return c.X.Incoming().Host
		}
	case ":path":
		return func(c *Context) string {
			if c.Rewritten {
				return rawpath.Target(c.X.Sent())
			}
			return c.X.PathAndQuery()
		}
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	if edge.IsEdgeHeader(key) {
		return func(c *Context) string { return c.edgeHeader(key) }
	}
	return func(c *Context) string {
		v, _ := field.JoinedHeader(c.Request, key)
		return v
	}
}

// edgeHeader returns a header that the edge writes. If the edge writes it after
// the route's operations, they see the value that it will write, unless they
// write the header themselves.
func (c *Context) edgeHeader(key string) string {
	x := c.X
	value, ok := field.Joined(c.Request[key])
	written := x.EdgeFirst() || c.Rewritten
	forwarded := x.Forwarded()
	if x.Alone() || forwarded && (ok || written) {
		return value
	}
	if key != edge.RequestIDHeader {
		value, _ = x.Edge().Value(x.Incoming(), key)
		return value
	}
	id := x.Edge().RequestID()
	if forwarded {
		c.Request[key] = x.One(id) // the edge then uses this one
	}
	return id
}

// responseOperator is RESP(NAME) and RESP(NAME?OTHER).
func responseOperator(argument string) (func(*Context) string, *FormatError) {
	first, second, _ := strings.Cut(argument, "?")
	if first == "" {
		return nil, &FormatError{Problem: "%RESP()% names no header"}
	}
	main, other := textproto.CanonicalMIMEHeaderKey(first), textproto.CanonicalMIMEHeaderKey(second)
	return func(c *Context) string {
		v, ok := field.Joined(c.Response[main])
		if !ok {
			v, _ = field.Joined(c.Response[other])
		}
		return v
	}, nil
}

// queryOperator is QUERY_PARAM(NAME): the first value, percent-decoded.
func queryOperator(name string) (func(*Context) string, *FormatError) {
	return func(c *Context) string { return QueryParam(c.X.Incoming().URL.RawQuery, name) }, nil
}

// QueryParam returns the first value of a parameter, percent-decoded.
func QueryParam(query, name string) string {
	value, _ := field.QueryValue(query, name)
	if strings.IndexByte(value, '%') < 0 {
		return value
	}
	decoded := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		b, ok := escape.Decode(value, i)
		if ok {
			i += 2
		} else {
			b = value[i]
		}
		decoded = append(decoded, b)
	}
	return string(decoded)
}

// pathOperator is PATH(WQ) with query, PATH(NQ) without.
func pathOperator(argument string) (func(*Context) string, *FormatError) {
	switch argument {
	case "", "WQ":
		return func(c *Context) string { return c.X.PathAndQuery() }, nil
	case "NQ":
		return func(c *Context) string { return c.X.Path() }, nil
	}
	return nil, &FormatError{fmt.Sprintf("%%PATH(%s)%% is neither PATH(WQ), with query, nor PATH(NQ), without", argument), ""}
}

// environmentOperator is ENVIRONMENT(NAME), read when the program is built.
func environmentOperator(name string) (func(*Context) string, *FormatError) {
	if name == "" {
		return nil, &FormatError{Problem: "%ENVIRONMENT()% names no variable"}
	}
	value := os.Getenv(name)
	return func(*Context) string { return value }, nil
}

// localAddress returns the address that the client connected to, if the server
// provides it.
func localAddress(r *http.Request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && a != nil {
		return a.String()
	}
	return ""
}
