package http1

import (
	"net/textproto"
	"strings"
)

// parseKey reads the name before the colon of a header line. It returns the
// name's canonical form and its length, or 0 if it is not a valid name.
func parseKey(line string) (string, int) {
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

// commonKeys are the canonical forms of names that backends send in lower case.
var commonKeys = func() map[string]string {
	keys := make(map[string]string)
	for _, key := range strings.Fields(`
		Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Headers Access-Control-Allow-Methods
		Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age Age Allow Alt-Svc
		Cache-Control Connection Content-Disposition Content-Encoding Content-Language Content-Length
		Content-Location Content-Range Content-Security-Policy Content-Type Cross-Origin-Opener-Policy
		Cross-Origin-Resource-Policy Date Etag Expires Grpc-Message Grpc-Status Grpc-Status-Details-Bin
		Keep-Alive Last-Modified Link Location Pragma Referrer-Policy Retry-After Server Server-Timing
		Set-Cookie Strict-Transport-Security Trailer Transfer-Encoding Upgrade Vary Via Www-Authenticate
		X-Cache X-Content-Type-Options X-Envoy-Upstream-Service-Time X-Frame-Options X-Powered-By
		X-Ratelimit-Limit X-Ratelimit-Remaining X-Ratelimit-Reset X-Request-Id X-Xss-Protection`) {
		keys[strings.ToLower(key)] = key
	}
	keys["ETag"], keys["WWW-Authenticate"], keys["X-XSS-Protection"] = "Etag", "Www-Authenticate", "X-Xss-Protection"
	return keys
}()
