package gateway

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

	"github.com/lateengo/gateway/internal/suggest"
)

// simpleOperators take no argument.
var simpleOperators = map[string]func(*formatContext) string{
	"DOWNSTREAM_REMOTE_ADDRESS": func(c *formatContext) string {
		if c.x.edgeOf().trusted > 0 {
			if a := c.x.edgeOf().clientAddress(c.x.incoming()); a != peerAddress(c.x.incoming()) {
				return net.JoinHostPort(a, "0")
			}
		}
		return c.x.incoming().RemoteAddr
	},
	"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":        func(c *formatContext) string { return c.x.edgeOf().clientAddress(c.x.incoming()) },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS":              func(c *formatContext) string { return c.x.incoming().RemoteAddr },
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": func(c *formatContext) string { return peerAddress(c.x.incoming()) },
	"DOWNSTREAM_LOCAL_ADDRESS":                      func(c *formatContext) string { return localAddress(c.x.incoming()) },
	"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": func(c *formatContext) string {
		host, _, _ := net.SplitHostPort(localAddress(c.x.incoming()))
		return host
	},
	"DOWNSTREAM_LOCAL_PORT": func(c *formatContext) string {
		_, port, _ := net.SplitHostPort(localAddress(c.x.incoming()))
		return port
	},
	"PROTOCOL": func(c *formatContext) string {
		if c.x.incoming().ProtoMajor >= 2 {
			return "HTTP/2"
		}
		return c.x.incoming().Proto
	},
	"ROUTE_NAME":       func(c *formatContext) string { return c.x.routeName() },
	"UPSTREAM_CLUSTER": func(c *formatContext) string { return c.x.cluster() },
	"UPSTREAM_PROTOCOL": func(c *formatContext) string {
		if !c.fromDestination() {
			return ""
		}
		_, protocol := c.upstreamHost()
		return cmp.Or(protocol, "HTTP/1.1")
	},
	"UPSTREAM_HOST":           upstreamAddress,
	"UPSTREAM_REMOTE_ADDRESS": upstreamAddress,
	"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": func(c *formatContext) string {
		host, _, _ := net.SplitHostPort(upstreamAddress(c))
		return host
	},
	"UPSTREAM_REMOTE_PORT": func(c *formatContext) string {
		_, port, _ := net.SplitHostPort(upstreamAddress(c))
		return port
	},
	"RESPONSE_CODE": func(c *formatContext) string {
		if c.response == nil {
			return ""
		}
		return strconv.Itoa(c.status)
	},
	// Response operations are applied to no response that has a flag.
	"RESPONSE_FLAGS": func(c *formatContext) string {
		if c.response == nil {
			return ""
		}
		return "-"
	},
	"RESPONSE_CODE_DETAILS": func(c *formatContext) string {
		switch {
		case c.fromDestination():
			return "via_upstream"
		case c.response != nil:
			return "direct_response"
		}
		return ""
	},
	"STREAM_ID": requestHeader(headerRequestID),
	"UNIQUE_ID": func(c *formatContext) string { return c.x.edgeOf().requestID() },
	// Nothing that a gateway runs gives these a value.
	"VIRTUAL_CLUSTER_NAME": noValue,
	"TRACE_ID":             noValue,
}

func noValue(*formatContext) string { return "" }

// fromDestination reports whether the operations are on a destination's response.
func (c *formatContext) fromDestination() bool { return c.response != nil && c.x.forwarded() }

// operatorsWithArgument take one, which START_TIME and PATH can do without.
var operatorsWithArgument = map[string]func(argument string) (func(*formatContext) string, *formatError){
	"REQ":         requestOperator,
	"RESP":        responseOperator,
	"START_TIME":  startTimeOperator,
	"ENVIRONMENT": environmentOperator,
	"QUERY_PARAM": queryOperator,
	"PATH":        pathOperator,
}

// upstreamHost returns the endpoint that answers. Both are empty in request
// operations, and for a backend in this process.
func (c *formatContext) upstreamHost() (address, protocol string) {
	if !c.fromDestination() {
		return "", ""
	}
	return c.x.upstream()
}

func upstreamAddress(c *formatContext) string {
	address, _ := c.upstreamHost()
	return address
}

// operatorsNotExecuted are Envoy's that Istio passes on and we have nothing for.
var operatorsNotExecuted = []string{
	"CONNECTION_ID", "DYNAMIC_METADATA", "FILTER_STATE",
}

// compile returns what yields the operator's value.
func (o operator) compile() (func(*formatContext) string, *formatError) {
	value := simpleOperators[o.name]
	if value == nil {
		value = tlsOperator(o.name)
	}
	withArgument := operatorsWithArgument[o.name]
	if o.name == "HOSTNAME" {
		value = hostnameOperator()
	}
	switch {
	case value != nil && !o.hasArgument:
	case withArgument != nil && (o.hasArgument || o.name == "START_TIME" || o.name == "PATH"):
		v, err := withArgument(o.argument)
		if err != nil {
			return nil, err
		}
		value = v
	case value != nil:
		return nil, &formatError{problem: fmt.Sprintf("the operator %%%s%% takes no argument", o.name)}
	case withArgument != nil:
		return nil, &formatError{problem: fmt.Sprintf("the operator %%%s%% needs an argument in parentheses", o.name)}
	case slices.Contains(operatorsNotExecuted, o.name):
		return nil, &formatError{problem: fmt.Sprintf("the operator %%%s%% is not executed", o.name)}
	default:
		return nil, &formatError{fmt.Sprintf("there is no operator %%%s%%", o.name), suggest.Closest(o.name, operatorNames())}
	}
	if o.limit < 0 {
		return value, nil
	}
	return func(c *formatContext) string {
		v := value(c)
		return v[:min(len(v), o.limit)]
	}, nil
}

// operatorNames returns the names of all operators that are executed.
func operatorNames() []string {
	return slices.Concat([]string{"HOSTNAME"}, slices.Sorted(maps.Keys(simpleOperators)), slices.Sorted(maps.Keys(operatorsWithArgument)),
		slices.Sorted(maps.Keys(connectionOperators)), slices.Sorted(maps.Keys(certificateOperators)))
}

// hostnameOperator is HOSTNAME, read when the program is built.
func hostnameOperator() func(*formatContext) string {
	name, _ := os.Hostname()
	return func(*formatContext) string { return name }
}

// requestOperator is REQ(NAME) and REQ(NAME?OTHER).
func requestOperator(argument string) (func(*formatContext) string, *formatError) {
	first, second, _ := strings.Cut(argument, "?")
	if first == "" {
		return nil, &formatError{problem: "%REQ()% names no header"}
	}
	if strings.Contains(second, "?") {
		return nil, &formatError{problem: fmt.Sprintf("%%REQ(%s)%% names more than one alternative", argument)}
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
		return func(c *formatContext) string { return c.x.incoming().Method }
	case ":scheme":
		return func(c *formatContext) string { return c.x.scheme() }
	case ":authority", "host":
		return func(c *formatContext) string {
			if c.rewritten {
				return c.x.sent().Host
			}
			return c.x.incoming().Host
		}
	case ":path":
		return func(c *formatContext) string {
			if c.rewritten {
				return requestTarget(c.x.sent())
			}
			return c.x.pathAndQuery()
		}
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	if isEdgeHeader(key) {
		return func(c *formatContext) string { return c.edgeHeader(key) }
	}
	return func(c *formatContext) string {
		v, _ := joinedHeader(c.request, key)
		return v
	}
}

// edgeHeader returns a header that the edge writes. Where that is after the
// route's operations they see what it will write, unless they write it.
func (c *formatContext) edgeHeader(key string) string {
	x := c.x
	value, ok := joined(c.request[key])
	written := x.edgeFirst() || c.rewritten
	forwarded := x.forwarded()
	if x.alone() || forwarded && (ok || written) {
		return value
	}
	if key != headerRequestID {
		value, _ = x.edgeOf().value(x.incoming(), key)
		return value
	}
	id := x.edgeOf().requestID()
	if forwarded {
		c.request[key] = x.one(id) // the one that the edge then finds
	}
	return id
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

// queryOperator is QUERY_PARAM(NAME): the first value, percent-decoded.
func queryOperator(name string) (func(*formatContext) string, *formatError) {
	return func(c *formatContext) string {
		value, _ := queryValue(c.x.incoming().URL.RawQuery, name)
		if strings.IndexByte(value, '%') < 0 {
			return value
		}
		decoded := make([]byte, 0, len(value))
		for i := 0; i < len(value); i++ {
			b, ok := unescape(value, i)
			if ok {
				i += 2
			} else {
				b = value[i]
			}
			decoded = append(decoded, b)
		}
		return string(decoded)
	}, nil
}

// pathOperator is PATH(WQ) with query, PATH(NQ) without.
func pathOperator(argument string) (func(*formatContext) string, *formatError) {
	switch argument {
	case "", "WQ":
		return func(c *formatContext) string { return c.x.pathAndQuery() }, nil
	case "NQ":
		return func(c *formatContext) string { return c.x.path() }, nil
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

// localAddress returns the address that the client connected to, if the server
// tells.
func localAddress(r *http.Request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && a != nil {
		return a.String()
	}
	return ""
}
