package spec

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
)

// A PEM is PEM text, such as a certificate or a private key. Only Bytes returns the
// text. Printed, logged or encoded in any way, a PEM shows that there is a text, and
// nothing of it. The zero PEM is no text.
type PEM struct {
	// It is a pointer because package fmt prints the unexported fields of an
	// unexported field without their methods, but does not follow pointers in them.
	contents *pemContents
}

type pemContents struct {
	text string
	// encoded means that text is in base64.
	encoded bool
	// problem is why there is no text.
	problem string
	field   string
}

// NewPEM returns a PEM with this text.
func NewPEM(text []byte) PEM { return PEM{&pemContents{text: string(text)}} }

// PEMAt returns a PEM that was written at a field of a resource. If encoded is true,
// the text is in base64, and Bytes decodes it.
func PEMAt(field, text string, encoded bool) PEM {
	return PEM{&pemContents{text: text, encoded: encoded, field: field}}
}

// NoPEMAt returns a PEM for a field of a resource that has no text. Bytes returns the
// problem.
func NoPEMAt(field, problem string) PEM {
	return PEM{&pemContents{problem: problem, field: field}}
}

// IsZero reports whether p is no text.
func (p PEM) IsZero() bool { return p.contents == nil }

// Field returns the path of the field with the text, such as "data[tls.crt]". It is empty
// if the text was not read from a resource.
func (p PEM) Field() string {
	if p.contents == nil {
		return ""
	}
	return p.contents.field
}

// Bytes returns the text. The error never contains any of it.
func (p PEM) Bytes() ([]byte, error) {
	switch c := p.contents; {
	case c == nil:
		return nil, nil
	case c.problem != "":
		return nil, errors.New(c.problem)
	case !c.encoded:
		return []byte(c.text), nil
	}
	text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(p.contents.text), ""))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	return text, nil
}

// String returns "hidden", or "" if p is no text.
func (p PEM) String() string {
	if p.contents == nil {
		return ""
	}
	return "hidden"
}

// GoString implements fmt.GoStringer, and hides the text.
func (p PEM) GoString() string { return "spec.PEM{" + p.String() + "}" }

// MarshalText implements encoding.TextMarshaler, and hides the text.
func (p PEM) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// LogValue implements slog.LogValuer, and hides the text.
func (p PEM) LogValue() slog.Value { return slog.StringValue(p.String()) }
