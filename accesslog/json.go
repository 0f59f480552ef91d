package accesslog

import (
	"unicode/utf8"

	"github.com/lateengo/gateway/observe"
)

// A Field is a key of a JSON line, and the format of its value.
type Field struct{ Key, Format string }

// DefaultFields are the keys of Istio's JSON lines that a gateway has values for.
var DefaultFields = []Field{
	{"start_time", "%START_TIME%"},
	{"method", "%REQ(:METHOD)%"},
	{"path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"},
	{"protocol", "%PROTOCOL%"},
	{"response_code", "%RESPONSE_CODE%"},
	{"response_flags", "%RESPONSE_FLAGS%"},
	{"response_code_details", "%RESPONSE_CODE_DETAILS%"},
	{"bytes_received", "%BYTES_RECEIVED%"},
	{"bytes_sent", "%BYTES_SENT%"},
	{"duration", "%DURATION%"},
	{"upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"},
	{"x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"},
	{"user_agent", "%REQ(USER-AGENT)%"},
	{"request_id", "%REQ(X-REQUEST-ID)%"},
	{"authority", "%REQ(:AUTHORITY)%"},
	{"upstream_host", "%UPSTREAM_HOST%"},
	{"upstream_cluster", "%UPSTREAM_CLUSTER%"},
	{"downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"},
	{"requested_server_name", "%REQUESTED_SERVER_NAME%"},
	{"route_name", "%ROUTE_NAME%"},
	{"virtual_service", "%VIRTUAL_SERVICE%"},
}

// JSON returns the Format of one JSON object in each line. Without fields, it has
// DefaultFields. A value without a text is null, and a value that is one operator of a
// number is a number. Bytes that are not UTF-8 become U+FFFD.
func JSON(fields ...Field) (Format, error) {
	if len(fields) == 0 {
		fields = DefaultFields
	}
	f := Format{json: true}
	for _, field := range fields {
		value, err := Text(field.Format)
		if err != nil {
			return Format{}, err
		}
		for _, name := range value.request {
			f.oneHeader("REQ", name)
		}
		for _, name := range value.response {
			f.oneHeader("RESP", name)
		}
		p := part{key: field.Key}
		if len(value.parts) == 1 {
			p.text, p.value, p.number = value.parts[0].text, value.parts[0].value, value.parts[0].number
		} else {
			parts := value.parts
			p.value = func(b []byte, o *observe.Outcome) []byte {
				for i := range parts {
					if parts[i].value == nil {
						b = append(b, parts[i].text...)
					} else {
						b = parts[i].value(b, o)
					}
				}
				return b
			}
		}
		f.parts = append(f.parts, p)
	}
	return f, nil
}

func (f *Format) appendJSON(b []byte, o *observe.Outcome) []byte {
	b = append(b, '{')
	for i := range f.parts {
		p := &f.parts[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.key)
		b = append(b, ':')
		if p.value == nil {
			b = appendString(b, p.text)
			continue
		}
		// The value is written behind the line first, to be quoted from there.
		var buffer [256]byte
		value := p.value(buffer[:0], o)
		switch {
		case len(value) == 0:
			b = append(b, "null"...)
		case p.number:
			b = append(b, value...)
		default:
			b = appendString(b, string(value))
		}
	}
	return append(b, '}', '\n')
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			// U+2028 and U+2029 end lines in JavaScript.
			if r == '\u2028' || r == '\u2029' {
				b = append(b, '\\', 'u', '2', '0', '2', hex[r&15])
			} else {
				b = utf8.AppendRune(b, r)
			}
			i += size
		}
	}
	return append(b, '"')
}
