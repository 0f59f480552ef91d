package attacks

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A level tells how much depends on a case.
type level string

const (
	must   level = "must"
	should level = "should"
	legal  level = "legal"
)

// A testCase is a request, or several, and what may become of it.
type testCase struct {
	file, name, rule string
	line             int
	level            level
	// refused means that nothing may reach the backend. status, if it is not 0, is the
	// answer.
	refused bool
	status  int
	// without are headers that may not arrive, in lower case.
	without []string
	// text is what is sent over HTTP/1.1, and frames over HTTP/2.
	text   string
	frames []frame
	// arrivals are the requests that arrive, if some do.
	arrivals []expectation
}

// An expectation is a request as it arrives.
type expectation struct {
	request string // method, target, host and body
	fields  []string
}

func (c *testCase) String() string { return c.file + ": " + c.name }

// overHTTP2 reports whether a case is sent in frames.
func (c *testCase) overHTTP2() bool { return strings.HasPrefix(c.file, "h2") }

// allCases reads the files.
func allCases(t *testing.T) []*testCase {
	t.Helper()
	files, err := filepath.Glob("cases/*.txt")
	require.NoError(t, err)
	var all []*testCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		cases, err := parseCases(filepath.Base(file), string(text))
		require.NoError(t, err)
		all = append(all, cases...)
	}
	return all
}

func parseCases(file, text string) ([]*testCase, error) {
	var all []*testCase
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		var err error
		if line[0] != ' ' {
			c := &testCase{file: strings.TrimSuffix(file, ".txt"), line: i + 1}
			all, err = append(all, c), c.begin(line)
		} else if len(all) == 0 {
			err = fmt.Errorf("there is no case yet")
		} else {
			err = all[len(all)-1].add(strings.TrimSpace(line))
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	return all, nil
}

// begin reads the first line of a case.
func (c *testCase) begin(line string) error {
	parts := strings.Split(line, " | ")
	if len(parts) != 3 {
		return fmt.Errorf("want LEVEL WANTED | NAME | RULE")
	}
	kind, wanted, _ := strings.Cut(parts[0], " ")
	c.level, c.name, c.rule = level(kind), parts[1], parts[2]
	switch c.level {
	case must, should:
	case legal:
		if wanted != "" {
			return fmt.Errorf("a legal request wants nothing")
		}
		return nil
	default:
		return fmt.Errorf("there is no level %q", kind)
	}
	verb, rest, _ := strings.Cut(wanted, " ")
	switch {
	case wanted == "safe":
	case verb == "without" && rest != "":
		c.without = strings.Fields(rest)
	case verb == "refused":
		c.refused = true
		if rest != "" {
			var err error
			c.status, err = strconv.Atoi(rest)
			return err
		}
	default:
		return fmt.Errorf("%q is not refused, safe or without", wanted)
	}
	return nil
}

// add reads another line of a case.
func (c *testCase) add(line string) error {
	if rest, ok := strings.CutPrefix(line, "=> "); ok {
		text, err := unescape(rest)
		if err != nil {
			return err
		}
		if name, _, ok := strings.Cut(text+" ", ": "); ok && !strings.Contains(name, " ") {
			if len(c.arrivals) == 0 {
				return fmt.Errorf("there is no request for this field")
			}
			last := &c.arrivals[len(c.arrivals)-1]
			last.fields = append(last.fields, text)
			return nil
		}
		c.arrivals = append(c.arrivals, expectation{request: text})
		return nil
	}
	if c.overHTTP2() {
		f, err := parseFrame(line)
		c.frames = append(c.frames, f...)
		return err
	}
	text, err := unescape(line)
	c.text += text
	return err
}

// unescape replaces the escapes that doc.go lists.
func unescape(text string) (string, error) {
	var out bytes.Buffer
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			return "", fmt.Errorf("a backslash at the end")
		}
		if at := strings.IndexByte(`rnt0s\`, text[i]); at >= 0 {
			out.WriteByte("\r\n\t\x00 \\"[at])
			continue
		}
		switch text[i] {
		case 'x':
			if i+2 >= len(text) {
				return "", fmt.Errorf(`\x needs two digits`)
			}
			b, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return "", err
			}
			out.WriteByte(byte(b))
			i += 2
		case '{':
			end := strings.IndexByte(text[i:], '}')
			star := strings.LastIndexByte(text[i:i+max(end, 0)], '*')
			if end < 0 || star < 0 {
				return "", fmt.Errorf(`want \{TEXT*N}`)
			}
			times, err := strconv.Atoi(text[i+star+1 : i+end])
			if err != nil {
				return "", err
			}
			part, err := unescape(text[i+1 : i+star])
			if err != nil {
				return "", err
			}
			out.WriteString(strings.Repeat(part, times))
			i += end
		default:
			return "", fmt.Errorf("there is no escape \\%c", text[i])
		}
	}
	return out.String(), nil
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{
		`a\r\n\t\0\s\\b`:    "a\r\n\t\x00 \\b",
		`\xff\x0`:           "",
		`\{ab*3}c`:          "abababc",
		`\{X: \x41\r\n*2}.`: "X: A\r\nX: A\r\n.",
		`\{ab}`:             "",
		`\q`:                "",
		`\`:                 "",
	} {
		got, err := unescape(text)
		require.Equal(t, want == "", err != nil, text)
		require.Equal(t, want, got)
	}
}

// TestCases checks that the corpus is as large as it should be, and that names are unique.
func TestCases(t *testing.T) {
	names := map[string]bool{}
	hostile, fine := 0, 0
	for _, c := range allCases(t) {
		require.False(t, names[c.String()], "%s:%d: two cases are named %q", c.file, c.line, c.name)
		names[c.String()] = true
		require.NotEmpty(t, c.text+string(c.encoded()), "%s:%d: nothing is sent", c.file, c.line)
		if c.level == legal {
			fine++
			require.NotEmpty(t, c.arrivals, "%s:%d: what arrives?", c.file, c.line)
			continue
		}
		hostile++
		require.False(t, c.refused && len(c.arrivals) > 0, "%s:%d: a refused request does not arrive", c.file, c.line)
	}
	require.GreaterOrEqual(t, hostile, 300)
	require.GreaterOrEqual(t, fine, 40)
	t.Logf("%d hostile requests, %d legal oddities", hostile, fine)
}
