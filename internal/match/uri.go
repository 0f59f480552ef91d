package match

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A URI compares the path. A match without a URI is the prefix "/".
type URI struct {
	Kind       spec.MatchKind // never Any
	ignoreCase bool
	Text       string
	regex      *regexp.Regexp
}

// Holds reports whether the condition holds for a path.
func (u *URI) Holds(path string) bool {
	switch u.Kind {
	case spec.MatchExact:
		if u.ignoreCase {
			return equalFoldASCII(path, u.Text)
		}
		return path == u.Text
	case spec.MatchPrefix:
		if u.ignoreCase {
			return len(path) >= len(u.Text) && equalFoldASCII(path[:len(u.Text)], u.Text)
		}
		return strings.HasPrefix(path, u.Text)
	default:
		return u.regex.MatchString(path)
	}
}

// Regex returns the expression of a MatchRegex, or nil.
func (u *URI) Regex() *regexp.Regexp { return u.regex }

// MatchedLength returns the length of the matched part of a path for which the
// condition holds. A rewrite replaces that part.
func (u *URI) MatchedLength(path string) int {
	if u.Kind == spec.MatchPrefix {
		return len(u.Text)
	}
	return len(path)
}

// equalFoldASCII compares without regard to the case of ASCII letters.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lowerASCII[a[i]] != lowerASCII[b[i]] {
			return false
		}
	}
	return true
}

var lowerASCII = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) + 'a' - 'A'
	}
	return t
}()

// isKey reports whether the condition holds for the path of every request that
// reaches the clause's bucket.
func (u *URI) isKey() bool { return u.Kind != spec.MatchRegex && !u.ignoreCase }

// String returns the condition as text, such as: prefix "/products".
func (u *URI) String() string {
	s := u.Kind.String() + " " + strconv.Quote(u.Text)
	if u.ignoreCase {
		s += " in any case"
	}
	return s
}

// IgnoresCase reports whether the case of ASCII letters does not matter.
func (u *URI) IgnoresCase() bool { return u.ignoreCase }
