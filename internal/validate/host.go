package validate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// The codes of Istio's analyzers that validation uses.
const (
	codeNotFound          = "IST0101"
	codePortRequired      = "IST0112"
	codeUnreachable       = "IST0130"
	codeIneffective       = "IST0131"
	codeHostNotInGateway  = "IST0132"
	codeSchema            = "IST0133"
	codeConflictingServer = "IST0145"

	codeConflictingProtocol = "IST0177"
)

// hostProblem returns why host is not a host name, or "". A host name may have a
// wildcard at the start of its first label: "*", "*.example.com",
// "*-a.example.com".
func hostProblem(host string) string {
	switch {
	case host == "":
		return "a host name is missing"
	case len(host) > 255:
		return fmt.Sprintf("the host name has %d characters, at most 255 are allowed", len(host))
	}
	label, rest, more := strings.Cut(host, ".")
	plain := label
	if strings.HasPrefix(label, "*") {
		plain = strings.TrimPrefix(label[1:], "-")
	}
	if label != "*" && !resource.IsLabel(plain) {
		return labelProblem(host, label)
	}
	if !more {
		return ""
	}
	return namesProblem(host, rest)
}

// exactHostProblem is like hostProblem, for a name without wildcard.
func exactHostProblem(host string) string {
	if strings.HasPrefix(host, "*") {
		return fmt.Sprintf("%q is a pattern, one host is expected", host)
	}
	return hostProblem(host)
}

// namesProblem validates the labels of a host after the first.
func namesProblem(host, labels string) string {
	for {
		label, rest, more := strings.Cut(labels, ".")
		switch {
		case !more && label == "":
			// A trailing dot means the root.
			return ""
		case !resource.IsLabel(label):
			return labelProblem(host, label)
		case !more && isNumber(label):
			return fmt.Sprintf("%q is not a host name: its last label is a number", host)
		case !more:
			return ""
		}
		labels = rest
	}
}

func labelProblem(host, label string) string {
	switch {
	case label == "":
		return fmt.Sprintf("%q is not a host name: a label is empty", host)
	case strings.Contains(label, "*"):
		return fmt.Sprintf("%q is not a host name: a wildcard is allowed only at the start of the first label", host)
	case strings.ContainsAny(label, ":/"):
		return fmt.Sprintf("%q is not a host name: it is written without scheme, port and path", host)
	case len(label) > 63:
		return fmt.Sprintf("%q is not a host name: a label has %d characters, at most 63 are allowed", host, len(label))
	}
	return fmt.Sprintf("%q is not a host name: the label %q must be letters, digits and inner hyphens", host, label)
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// labelSetProblem returns why a key and value are not a Kubernetes label, or "".
func labelSetProblem(key, value string) string {
	prefix, name, found := strings.Cut(key, "/")
	if !found {
		prefix, name = "", key
	}
	switch {
	case key == "":
		return "a label has no key"
	case found && (exactHostProblem(prefix) != "" || len(prefix) > 253):
		return fmt.Sprintf("%q is not a label's key: the part before / must be a host name", key)
	case !isLabelText(name):
		return fmt.Sprintf("%q is not a label's key: at most 63 letters, digits, and inner -, _ and . are expected", key)
	case value != "" && !isLabelText(value):
		return fmt.Sprintf("%q is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected", value)
	}
	return ""
}

func isLabelText(s string) bool {
	if len(s) == 0 || len(s) > 63 || !resource.IsAlphanumeric(s[0]) || !resource.IsAlphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !resource.IsAlphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// labels validates the labels in a field.
func (v *validator) labels(s *site, field string, labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if problem := labelSetProblem(key, labels[key]); problem != "" {
			e := s.entry(field, key)
			e.errorf(spec.CodeInvalid, "%s", problem)
		}
	}
}
