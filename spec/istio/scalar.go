package istio

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Unquoted words that are not strings in YAML 1.1, the version that Kubernetes
// reads.
var words = map[string]form{
	"": null, "~": null, "null": null, "Null": null, "NULL": null,

	"y": boolean, "Y": boolean, "yes": boolean, "Yes": boolean, "YES": boolean,
	"true": boolean, "True": boolean, "TRUE": boolean,
	"on": boolean, "On": boolean, "ON": boolean,
	"n": boolean, "N": boolean, "no": boolean, "No": boolean, "NO": boolean,
	"false": boolean, "False": boolean, "FALSE": boolean,
	"off": boolean, "Off": boolean, "OFF": boolean,

	".nan": number, ".NaN": number, ".NAN": number,
	".inf": number, ".Inf": number, ".INF": number,
	"+.inf": number, "+.Inf": number, "+.INF": number,
	"-.inf": number, "-.Inf": number, "-.INF": number,
}

// plainForm returns the form of an unquoted scalar.
func plainForm(s string) form {
	if s == "" {
		return null
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		if _, ok := words[s]; ok {
			return number
		}
		if _, ok := parseNumber(s); ok {
			return number
		}
	case strings.IndexByte("yYnNtTfFoO~", c) >= 0:
		if f, ok := words[s]; ok {
			return f
		}
	}
	return text
}

// truth returns the value of a boolean word.
func truth(s string) bool {
	switch s[0] {
	case 'y', 'Y', 't', 'T':
		return true
	}
	return s == "on" || s == "On" || s == "ON"
}

var decimal = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// A numeral is the value of a number: integers exactly, all others as float.
type numeral struct {
	integer   bool
	negative  bool
	magnitude uint64
	float     float64
}

// parseNumber reads a number in YAML 1.1, including underscores, 0x, 0b, 0o and a
// leading 0 for octal.
func parseNumber(s string) (numeral, bool) {
	if s[0] == '.' {
		f, err := strconv.ParseFloat(s, 64)
		return numeral{float: f}, err == nil
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		if i < 0 {
			return numeral{integer: true, negative: true, magnitude: uint64(-i), float: float64(i)}, true
		}
		return numeral{integer: true, magnitude: uint64(i), float: float64(i)}, true
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return numeral{integer: true, magnitude: u, float: float64(u)}, true
	}
	if decimal.MatchString(plain) {
		f, err := strconv.ParseFloat(plain, 64)
		return numeral{float: f}, err == nil
	}
	return numeral{}, false
}

// numeral returns the value of a number. A float without fraction counts as an
// integer, as in JSON.
func (v *value) numeral() numeral {
	n, ok := parseNumber(v.scalar)
	if !ok {
		return numeral{float: math.NaN()}
	}
	if !n.integer && n.float == math.Trunc(n.float) && math.Abs(n.float) < 1<<53 {
		n.integer, n.negative, n.magnitude = true, n.float < 0, uint64(math.Abs(n.float))
	}
	return n
}
