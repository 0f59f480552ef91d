package rls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// decode returns the top nodes of the first two documents, or nil for what there
// is not.
func decode(text []byte) (first, second *yaml.Node, err error) {
	defer func() {
		// The parser panics on states that it considers impossible.
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for _, to := range []**yaml.Node{&first, &second} {
		var n yaml.Node
		if err := decoder.Decode(&n); errors.Is(err, io.EOF) {
			return first, second, nil
		} else if err != nil {
			return nil, nil, err
		}
		*to = &n
		if len(n.Content) > 0 {
			*to = resolve(n.Content[0])
		}
	}
	return first, second, nil
}

var parserMessage = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntaxProblem returns the parser's message without its line.
func syntaxProblem(err error) string {
	if m := parserMessage.FindStringSubmatch(err.Error()); m != nil {
		return m[2]
	}
	return err.Error()
}

// syntaxPlace returns where a line that the parser does not understand begins. The
// parser does not tell the column, and no line if it is the first.
func syntaxPlace(text []byte, err error) place {
	p := place{line: 1, column: 1}
	if m := parserMessage.FindStringSubmatch(err.Error()); m != nil && m[1] != "" {
		p.line, _ = strconv.Atoi(m[1])
	}
	lines := bytes.Split(text, []byte("\n"))
	p.line = max(1, min(p.line, len(lines)))
	line := lines[p.line-1]
	p.column += len(line) - len(bytes.TrimLeft(line, " \t"))
	return p
}
