package istio

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway/internal/yield"
	"github.com/lateengo/gateway/spec"
)

// A syntaxError is the place at which a document stops being YAML.
type syntaxError struct {
	line, column int
	problem      string
	// template means that the text is an unrendered template.
	template bool
}

func (e *syntaxError) Error() string { return e.problem }

func (e *syntaxError) finding(d *document) spec.Finding {
	return spec.Finding{Code: spec.CodeSyntax, File: d.file, Line: e.line, Column: e.column, Problem: e.problem}
}

const (
	secondDocument = "another document begins without a line ---"
	unclosedString = "found unexpected end of stream"
)

var parserPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// A fault is why a text is not YAML.
type fault struct {
	// message is the parser's message, without its line.
	message string
	// line is the line in the message, or 0. It is sometimes the line of the
	// surrounding construct, and counts from 0 or 1.
	line int
	// read is how much of the text the parser had read, and ended means that it had
	// reached the end.
	read  int
	ended bool
}

// A meter passes a text to the parser, and counts how much it has read.
type meter struct {
	text string
	at   int
	// coarse is the offset from which the text is passed byte by byte.
	coarse int
	ended  bool
}

func (m *meter) Read(p []byte) (int, error) {
	end := len(m.text)
	if m.at >= m.coarse {
		end = min(end, m.at+1)
	} else {
		end = min(end, m.coarse)
	}
	n := copy(p, m.text[m.at:end])
	yield.Bytes(m.at, m.at+n)
	m.at += n
	if n == 0 && len(p) > 0 {
		m.ended = true
		return 0, io.EOF
	}
	return n, nil
}

// parseYAML returns the top node of a text with one document, or nil if it is
// empty. Otherwise it returns the fault.
func parseYAML(text string) (*yaml.Node, *fault) {
	return readYAML(&meter{text: text, coarse: len(text)})
}

func readYAML(m *meter) (top *yaml.Node, wrong *fault) {
	defer func() {
		if wrong != nil {
			wrong.read, wrong.ended = m.at, m.ended
		}
	}()
	defer func() {
		// The parser panics on states that it considers impossible.
		if p := recover(); p != nil {
			top, wrong = nil, &fault{message: fmt.Sprint(p)}
		}
	}()
	decoder := yaml.NewDecoder(m)
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		if len(first.Content) > 0 {
			top = first.Content[0]
		}
		if err = decoder.Decode(&second); err == nil {
			return nil, &fault{message: secondDocument}
		}
		if errors.Is(err, io.EOF) {
			return top, nil
		}
	}
	message := err.Error()
	prefix := parserPrefix.FindStringSubmatch(message)
	line, _ := strconv.Atoi(prefix[1])
	return nil, &fault{message: message[len(prefix[0]):], line: line}
}

// syntaxError adds the place to a fault.
func (d *document) syntaxError(f *fault) *syntaxError {
	s := newFaultSearch(d.text, f)
	n, at := s.place()
	line := s.line(n)
	e := &syntaxError{line: d.before + n + 1, problem: "not readable as YAML: " + plainMessage(f.message, line[at:])}
	if m, column, problem := templateAt(s.line, n); problem != "" {
		e.line, at, line = d.before+m+1, column, s.line(m)
		e.problem, e.template = "not readable as YAML: the text is "+problem, problem == templatings[0].problem
	} else if m, indented := s.indentedFirst(n); indented {
		e.line, line = d.before+m+1, s.line(m)
		at = indentOf(line)
		e.problem = fmt.Sprintf("not readable as YAML: the first line is indented, and line %d is not indented as far", d.before+n+1)
	}
	e.column = utf8.RuneCountInString(line[:at]) + 1
	return e
}

// plainMessage explains a message of the parser for the text at its place.
func plainMessage(message, at string) string {
	switch {
	case strings.HasPrefix(at, "\t"):
		return "a tab cannot indent"
	case message == unclosedString:
		return "the string that begins here is not closed"
	case message == "found character that cannot start any token",
		message == "did not find expected alphabetic or numeric character":
		r, _ := utf8.DecodeRuneInString(at)
		return fmt.Sprintf("a value cannot begin with %q unless it is quoted", string(r))
	case message == "mapping values are not allowed in this context":
		return `": " cannot be here unless it is quoted`
	case message == "did not find expected <document start>":
		return secondDocument
	}
	return message
}

// goesOn contains the messages about text inside of brackets, each with a
// continuation. If the text merely ends too early, the continuation changes the
// message.
var goesOn = map[string]string{
	"did not find expected node content": "\nx",
	"did not find expected ',' or ']'":   "\n,",
	"did not find expected ',' or '}'":   "\n,",
}

// blockMessages are messages about a whole line.
var blockMessages = map[string]bool{
	"did not find expected key":              true,
	"did not find expected '-' indicator":    true,
	"did not find expected <document start>": true,
	"could not find expected ':'":            true,
}
