package istio

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// An openMessage is a message that is being read.
type openMessage struct {
	message protoreflect.MessageDescriptor
	// depth is the number of path steps to it.
	depth int
}

// formerFields are former fields of Istio and fields that look like them, and what
// to write instead.
var formerFields = map[string]map[string]string{
	"HTTPRoute": {
		"websocketUpgrade":      "WebSockets are always allowed; remove the line",
		"appendHeaders":         "it is headers.request.add now",
		"appendRequestHeaders":  "it is headers.request.add now",
		"removeRequestHeaders":  "it is headers.request.remove now",
		"appendResponseHeaders": "it is headers.response.add now",
		"removeResponseHeaders": "it is headers.response.remove now",
	},
	"Destination":              {"destination": "its contents belong here, without destination"},
	"HTTPFaultInjection.Abort": {"percent": "it is percentage.value now, as in percentage: {value: 50}"},
	"DestinationRule":          {"circuitBreaker": circuitBreaker},
	"Subset": {
		"circuitBreaker": circuitBreaker,
		"version":        "a subset chooses endpoints by labels, as in labels: {version: v1}",
	},
	"TrafficPolicy": {"circuitBreaker": circuitBreaker},

	"RateLimitConfig.QueryParameters":       {"name": "it is queryParameterName"},
	"RateLimitConfig.RequestHeaders":        {"name": "it is headerName"},
	"RateLimitConfig.HeaderMatcher":         {"regexMatch": "it is safeRegexMatch, as in safeRegexMatch: {regex: a|b}", "exact": inStringMatch, "prefix": inStringMatch},
	"RateLimitConfig.QueryParameterMatcher": {"exactMatch": "it is stringMatch, as in stringMatch: {exact: a}", "exact": inStringMatch, "prefix": inStringMatch},
	"RateLimitConfig.Descriptor": {
		"unit": "it belongs in rateLimit", "requestsPerUnit": "it belongs in rateLimit", "unlimited": "it belongs in rateLimit", "replaces": "it belongs in rateLimit",
	},
	"RateLimitConfig.DescriptorRate": {"shadowMode": "it belongs beside rateLimit", "shareThreshold": "it belongs beside rateLimit"},
	"ratelimit.Descriptor": {
		"unit": "it belongs in rate_limit", "requests_per_unit": "it belongs in rate_limit", "unlimited": "it belongs in rate_limit", "replaces": "it belongs in rate_limit",
	},
	"ratelimit.DescriptorRate": {"shadow_mode": "it belongs beside rate_limit", "share_threshold": "it belongs beside rate_limit"},
}

const inStringMatch = "it belongs in stringMatch"

const circuitBreaker = "a circuit breaker is trafficPolicy.outlierDetection and trafficPolicy.connectionPool"

// unknownField reports the key i of v, which is not in its message. It suggests
// what was probably meant, or where the field with this name belongs.
func (r *reader) unknownField(v *value, i int, set *fieldSet) {
	k, explanation, meant := v.keys[i], "", ""
	if set.own {
		explanation = formerFields[set.message][camelCase(k.name)]
		if explanation == "" {
			explanation = formerFields[set.message][k.name]
		}
	} else if n := len(r.messages) - 1; n >= 0 && r.messages[n].depth == len(r.path)-1 {
		explanation = formerFields[messageName(r.messages[n].message)][k.name]
		if explanation == "" {
			meant = suggest.Closest(k.name, set.names)
		}
		if explanation == "" && meant == "" {
			explanation = r.elsewhere(v, k.name)
		}
	}
	problem := "unknown field"
	if explanation != "" {
		problem += ": " + explanation
	} else {
		meant = nearest(k.name, set.names)
	}
	r.fail(spec.CodeUnknownField, k.line, k.column, problem, meant)
}

// elsewhere describes where another message has a field that the innermost one
// lacks.
func (r *reader) elsewhere(v *value, name string) string {
	if messageName(r.messages[len(r.messages)-1].message) == "Headers" && isCondition(v, name) {
		// The operations on headers have the same names as conditions on them.
		return "a condition on a header belongs in match[].headers"
	}
	// Any name is allowed.
	if home := r.home(v, name); home != "" && name != "name" {
		return "it belongs at " + home
	}
	return ""
}

// isCondition reports whether a field looks like a comparison of a StringMatch.
func isCondition(v *value, name string) bool {
	e, _ := v.field(name)
	if e == nil || e.form != object {
		return false
	}
	for _, k := range e.keys {
		if fieldSets()["StringMatch"].entries[k.name].treatment == executed {
			return true
		}
	}
	return false
}

// home returns the path at which a message near the innermost one has a field name.
// Fields that are misplaced together also belong together: it chooses the message
// with most of them, and among equal ones the nearest.
func (r *reader) home(v *value, name string) string {
	const far = 3
	own := schemas()[r.messages[len(r.messages)-1].message].set
	best, most, nearest := "", 0, far+1
	for up := range min(far+1, len(r.messages)) {
		from := r.messages[len(r.messages)-1-up]
		neighbours(from.message, pathOf(r.path[:from.depth]), far-up, func(m protoreflect.MessageDescriptor, path string, down int) {
			set := schemas()[m].set
			if _, ok := set.entries[name]; !ok || up+down == 0 {
				return
			}
			together := 0
			for _, k := range v.keys {
				_, there := set.entries[k.name]
				_, here := own.entries[k.name]
				if there && !here {
					together++
				}
			}
			if together > most || together == most && up+down < nearest {
				best, most, nearest = path+"."+name, together, up+down
			}
		})
	}
	return best
}

// unlikely are messages with some field names of a route's destinations, which are
// probably meant instead.
var unlikely = []string{"mirror", "mirrors", "delegate"}

// neighbours calls visit for a message and the messages in its fields, down to a
// depth.
func neighbours(m protoreflect.MessageDescriptor, path string, depth int, visit func(m protoreflect.MessageDescriptor, path string, down int)) {
	level := []neighbour{{m, path}}
	for down := 0; down <= depth; down++ {
		var below []neighbour
		for _, n := range level {
			visit(n.message, n.path, down)
			s := schemas()[n.message]
			for _, name := range s.set.names {
				f := s.fields[name]
				if f == nil || f.IsMap() || f.Message() == nil || schemas()[f.Message()] == nil || slices.Contains(unlikely, name) {
					continue
				}
				child := neighbour{f.Message(), n.path + "." + name}
				if f.IsList() {
					child.path += "[]"
				}
				below = append(below, child)
			}
		}
		level = below
	}
}

type neighbour struct {
	message protoreflect.MessageDescriptor
	path    string
}
