package grammar

import (
	"net/textproto"
	"strings"
)

// ParseKey reads the name before the colon of a header line. It returns the
// name's canonical form and its length, or 0 if it is not a valid name.
func ParseKey(line string) (string, int) {
	first, canonical := true, true
	for i := 0; i < len(line); i++ {
		class := classes[line[i]]
		if class == invalid {
			if line[i] != ':' {
				return "", 0
			}
			name := line[:i]
			if !canonical {
				name = canonicalKey(name)
			}
			return name, i
		}
		if class == lower && first || class == upper && !first {
			canonical = false
		}
		first = line[i] == '-'
	}
	return "", 0
}

// canonicalKey returns the canonical form of a valid name. It allocates only
// for names that are not common.
func canonicalKey(name string) string {
	if key, ok := commonKeys[name]; ok {
		return key
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// IsToken reports whether s is a token of RFC 9110, such as the name of a
// method or a header.
func IsToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if classes[s[i]] == invalid {
			return false
		}
	}
	return s != ""
}

// The classes of bytes in a name.
const (
	invalid = iota
	other
	lower
	upper
)

var classes = func() (t [256]uint8) {
	for c := byte('0'); c <= '9'; c++ {
		t[c] = other
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] = other
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = lower, upper
	}
	return t
}()

// commonKeys are the canonical forms of names that backends and clients send in
// lower case.
var commonKeys = func() map[string]string {
	keys := make(map[string]string)
	for _, key := range strings.Fields(`
		Accept Accept-Charset Accept-Encoding Accept-Language Accept-Ranges Access-Control-Allow-Credentials
		Access-Control-Allow-Headers Access-Control-Allow-Methods Access-Control-Allow-Origin
		Access-Control-Expose-Headers Access-Control-Max-Age Access-Control-Request-Headers
		Access-Control-Request-Method Age Allow Alt-Svc Authorization Cache-Control Connection
		Content-Disposition Content-Encoding Content-Language Content-Length Content-Location Content-Range
		Content-Security-Policy Content-Type Cookie Cross-Origin-Opener-Policy Cross-Origin-Resource-Policy Date
		Dnt Etag Expect Expires Forwarded Grpc-Message Grpc-Status Grpc-Status-Details-Bin Grpc-Timeout Host
		If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since Keep-Alive Last-Modified Link
		Location Max-Forwards Origin Pragma Priority Proxy-Authorization Proxy-Connection Range Referer
		Referrer-Policy Retry-After Sec-Ch-Ua Sec-Ch-Ua-Mobile Sec-Ch-Ua-Platform Sec-Fetch-Dest Sec-Fetch-Mode
		Sec-Fetch-Site Sec-Fetch-User Sec-Websocket-Extensions Sec-Websocket-Key Sec-Websocket-Protocol
		Sec-Websocket-Version Server Server-Timing Set-Cookie Strict-Transport-Security Te Traceparent
		Tracestate Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Vary Via
		Www-Authenticate X-Api-Key X-B3-Parentspanid X-B3-Sampled X-B3-Spanid X-B3-Traceid X-Cache
		X-Content-Type-Options X-Envoy-Upstream-Service-Time X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
		X-Frame-Options X-Powered-By X-Ratelimit-Limit X-Ratelimit-Remaining X-Ratelimit-Reset X-Real-Ip
		X-Request-Id X-Requested-With X-Xss-Protection`) {
		keys[strings.ToLower(key)] = key
	}
	keys["ETag"], keys["WWW-Authenticate"], keys["X-XSS-Protection"] = "Etag", "Www-Authenticate", "X-Xss-Protection"
	keys["TE"], keys["DNT"], keys["Sec-WebSocket-Key"], keys["Sec-WebSocket-Version"] = "Te", "Dnt", "Sec-Websocket-Key", "Sec-Websocket-Version"
	keys["Sec-WebSocket-Extensions"], keys["Sec-WebSocket-Protocol"] = "Sec-Websocket-Extensions", "Sec-Websocket-Protocol"
	return keys
}()
