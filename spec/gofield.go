package spec

import (
	"reflect"
	"strings"
)

// goTypes maps the Kind of an Origin to the type of its declaration. The kinds
// of Istio are for literals without an Origin.
var goTypes = map[string]reflect.Type{
	"Route":           reflect.TypeFor[Route](),
	"Middleware":      reflect.TypeFor[Route](),
	"VirtualService":  reflect.TypeFor[VirtualService](),
	"Server":          reflect.TypeFor[Server](),
	"Gateway":         reflect.TypeFor[Server](),
	"Service":         reflect.TypeFor[Service](),
	"ServiceEntry":    reflect.TypeFor[Service](),
	"WorkloadEntry":   reflect.TypeFor[WorkloadEntry](),
	"DestinationRule": reflect.TypeFor[DestinationRule](),
	"RateLimitPolicy": reflect.TypeFor[RateLimitPolicy](),
	"RateLimitDomain": reflect.TypeFor[RateLimitDomain](),
	"RateLimitConfig": reflect.TypeFor[RateLimitPolicy](),
	"Telemetry":       reflect.TypeFor[Telemetry](),
	"Credential":      reflect.TypeFor[Credential](),
}

// goNames maps Istio's field names to Go's where they differ. An empty name is
// a level that Go does not have.
var goNames = map[string]string{
	"Destination.destination":                  "",
	"FaultAbort.percentage":                    "Percent",
	"FaultDelay.fixedDelay":                    "Fixed",
	"FaultDelay.percentage":                    "Percent",
	"LoadBalancer.localityLbSetting":           "Locality",
	"Mirror.percentage":                        "Percent",
	"RateLimit.requestsPerUnit":                "Requests",
	"RateLimitPolicy.rateLimits":               "Descriptors",
	"RateLimitPolicy.targetRefs":               "Targets",
	"RateLimitDescriptor.hitsAddend":           "Hits",
	"RateLimitAction.genericKey":               "",
	"RateLimitAction.requestHeaders":           "",
	"RateLimitAction.queryParameters":          "",
	"RateLimitAction.remoteAddress":            "",
	"RateLimitAction.maskedRemoteAddress":      "",
	"RateLimitAction.headerValueMatch":         "",
	"RateLimitAction.queryParameterValueMatch": "",
	"RateLimitAction.destinationCluster":       "",
	"RateLimitAction.descriptorKey":            "Key",
	"RateLimitAction.descriptorValue":          "Value",
	"RateLimitAction.headerName":               "Name",
	"RateLimitAction.queryParameterName":       "Name",
	"RateLimitAction.v4PrefixMaskLen":          "IPv4Bits",
	"RateLimitAction.v6PrefixMaskLen":          "IPv6Bits",
	"RateLimitAction.headers":                  "Conditions",
	"RateLimitAction.expectMatch":              "ExpectNoMatch",
	"LocalRateLimit.tokenBucket":               "Bucket",
	"LocalRateLimit.maxDynamicDescriptors":     "MaxKeys",
	"LocalDescriptor.tokenBucket":              "Bucket",
	"DescriptorLimit.rateLimit":                "Limit",
	"DescriptorRate.requestsPerUnit":           "Requests",
	"LimitResponse.statusCode":                 "Status",
	"LimitResponse.headers.set":                "Headers",
	"LimitResponse.headers.add":                "AddHeaders",
	"Redirect.redirectCode":                    "Code",
	"Retry.retryOn":                            "On",
	"Retry.retryRemoteLocalities":              "RemoteLocalities",
	"Rewrite.uriRegexRewrite":                  "URIRegex",
	"Route.corsPolicy":                         "CORS",
	"Route.retries":                            "Retry",
	"Route.route":                              "Destinations",
	"Server.port.name":                         "PortName",
	"Server.port.number":                       "Port",
	"Server.port.protocol":                     "Protocol",
	"ServerTLS.maxProtocolVersion":             "MaxVersion",
	"ServerTLS.minProtocolVersion":             "MinVersion",
	"StringMatch.exact":                        "Value",
	"StringMatch.prefix":                       "Value",
	"StringMatch.regex":                        "Value",
	"TCPSettings.tcpKeepalive":                 "Keepalive",
	"Telemetry.targetRefs":                     "Targets",
	"Tracing.match.mode":                       "Mode",
	"TracingTag.literal.value":                 "Literal",
	"TracingTagSource.defaultValue":            "Default",
	"VirtualService.http":                      "Routes",
}

// goPath translates a path of Istio's fields to Go's fields:
// "route[0].destination.host" of a Route becomes "Destinations[0].Host".
func goPath(kind, path string) string {
	t, ok := goTypes[kind]
	if !ok {
		return path
	}
	var out []string
	for path != "" && t.Kind() == reflect.Struct {
		step, index, rest := cutStep(path)
		name, known := goNames[t.Name()+"."+step]
		if !known {
			next, at, further := cutStep(rest)
			if name, known = goNames[t.Name()+"."+step+"."+next]; known {
				rest, index = further, index+at
			}
		}
		path = rest
		if known && name == "" {
			continue
		}
		if !known {
			name = step
		}
		f, ok := t.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
		if !ok {
			// Istio's name is better than none.
			out = append(out, name+index)
			break
		}
		out = append(out, f.Name+index)
		t = f.Type
		for k := t.Kind(); k == reflect.Pointer || k == reflect.Slice || k == reflect.Map; k = t.Kind() {
			t = t.Elem()
		}
	}
	return strings.Join(out, ".")
}

// cutStep cuts the first field from a path, and its index or key from that
// field. Keys can contain dots.
func cutStep(path string) (name, index, rest string) {
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		return path, "", ""
	}
	name, rest = path[:end], path[end:]
	for strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return name, index + rest, ""
		}
		key := rest[1:end]
		if strings.Trim(key, "0123456789") != "" {
			key = `"` + key + `"`
		}
		index += "[" + key + "]"
		rest = rest[end+1:]
	}
	return name, index, strings.TrimPrefix(rest, ".")
}
