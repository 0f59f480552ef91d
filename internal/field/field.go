// Package field reads header fields and query parameters, and makes computed
// values safe to write into a header. It has functions only.
package field

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/lateengo/gateway/internal/escape"
)

// HasToken reports whether a list of tokens contains one.
func HasToken(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// JoinedHeader returns the lines of a header as one value, and whether there
// are any.
func JoinedHeader(h http.Header, key string) (string, bool) {
	lines := h[key]
	if len(lines) > 1 && key == "Cookie" {
		return strings.Join(lines, "; "), true
	}
	return Joined(lines)
}

// Joined returns the lines of a header as one value, joined with a comma as
// Envoy does for all but cookies.
func Joined(lines []string) (string, bool) {
	switch len(lines) {
	case 0:
		return "", false
	case 1:
		return lines[0], true
	}
	return strings.Join(lines, ","), true
}

// One returns a header as one value, "" if there is none.
func One(h http.Header, key string) string {
	value, _ := Joined(h[key])
	return value
}

// First returns the first line of a header, "" if there is none.
func First(h http.Header, key string) string {
	if lines := h[key]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}

// QueryValue returns the first value of a query parameter as written: nothing is
// decoded, and only & separates parameters.
func QueryValue(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); key == name && pair != "" {
			return value, true
		}
	}
	return "", false
}

// Parameter returns the first value of a query parameter, with names and values decoded as
// those of a form are: a plus is a space. A value that cannot be decoded stays as it is.
func Parameter(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); pair != "" && ofForm(key) == name {
			return ofForm(value), true
		}
	}
	return "", false
}

func ofForm(text string) string {
	if strings.IndexByte(text, '%') >= 0 || strings.IndexByte(text, '+') >= 0 {
		if decoded, err := url.QueryUnescape(text); err == nil {
			return decoded
		}
	}
	return text
}

// DecodedQueryValue returns the first value of a query parameter. The names and the
// values are percent-decoded, as Envoy does: a plus stays, and so does an escape that is
// not one.
func DecodedQueryValue(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); pair != "" && escape.All(key) == name {
			return escape.All(value), true
		}
	}
	return "", false
}
