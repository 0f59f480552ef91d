package istio

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" \n\n", nil},
		{"a", []string{"1: a"}},
		{"a\n---\nb\n", []string{"1: a\n", "2: ---\nb\n"}},
		{"---\na\n---\n", []string{"1: ---\na\n", "3: ---\n"}},
		{"--- a\n--- |\n text\n", []string{"1: --- a\n", "2: --- |\n text\n"}},
		{"a\n--- # comment\nb\n...\n# c\n---\nd", []string{"1: a\n", "2: --- # comment\nb\n", "5: # c\n", "6: ---\nd"}},
		{"---a\n ---\n----\n", []string{"1: ---a\n ---\n----\n"}},
		{"# c\n%YAML 1.1\n---\na\n...\n%TAG ! !\n---\nb\n", []string{"1: # c\n%YAML 1.1\n---\na\n", "6: %TAG ! !\n---\nb\n"}},
		{"a\n%b\n---\nc\n", []string{"1: a\n%b\n", "3: ---\nc\n"}},
		{"a\r\n---\r\nb\r\n", []string{"1: a\r\n", "2: ---\r\nb\r\n"}},
		{"a\r---\rb", []string{"1: a\r", "2: ---\rb"}},
	} {
		var got []string
		for _, d := range split("test", tt.text) {
			got = append(got, string(rune('0'+d.before+1))+": "+d.text)
		}
		require.Equal(t, tt.want, got, "%q", tt.text)
	}
}

// Cutting the text yields the same documents as the parser, on the same lines.
func TestSplitAgreesWithTheParser(t *testing.T) {
	for _, file := range goodFiles(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, ".json") {
			continue
		}
		var want, got []int
		for decoder := yaml.NewDecoder(strings.NewReader(string(data))); ; {
			var n yaml.Node
			err := decoder.Decode(&n)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			if n.Content[0].Kind == yaml.MappingNode {
				want = append(want, n.Content[0].Line)
			}
		}
		for _, d := range split(file, string(data)) {
			root, err := d.parse()
			require.NoError(t, err, file)
			if root != nil && root.form == object {
				got = append(got, root.line)
			}
		}
		require.Equal(t, want, got, file)
	}
}

func TestEscapesOfJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": "\/\\/\\\/"}`:                `{"a": "/\\/\\/"}`,
		`{"a": "\ud83d\ude00"}`:             `{"a": "\U0001F600"}`,
		`{"a": "\uD83D\n\u00e9"}`:           `{"a": "\U0000FFFD\n\U000000E9"}`,
		`{"a": "\ud83d\ud83d\ude00"}`:       `{"a": "\U0000FFFD\U0001F600"}`,
		`{"a": "\\ud83d"}`:                  `{"a": "\\ud83d"}`,
		`{a: "\/"}`:                         `{a: "\/"}`,
		`a: "\/"`:                           `a: "\/"`,
		"# c\n%YAML 1.2\n---\na: %YAML 1.2": "# c\n%YAML 1.1\n---\na: %YAML 1.2",
	} {
		require.Equal(t, want, yamlText(text))
	}
}

// Large or repetitive input is read, or refused, in a time that grows with its
// length.
func TestHugeInputs(t *testing.T) {
	// Four times as much costs about four times as much, or sixteen times if the
	// cost were quadratic. The minimum of several turns counts. More turns follow
	// if the first are disturbed.
	n, deep := 1<<14, deepInputs
	if testing.Short() || withRaceDetector() {
		// The cost of nested input is the square of its depth until it is too deep.
		// It is not too deep at these sizes, and larger sizes would take long.
		n, deep = 1<<12, func(int) []string { return nil }
		if withRaceDetector() {
			n /= 2
		}
	}
	small, large := append(hugeInputs(n), deep(n)...), append(hugeInputs(4*n), deep(4*n)...)
	for i := range large {
		least := [2]time.Duration{time.Hour, time.Hour}
		// Small, fast input is read four times in a turn, so that a busy machine
		// disturbs both equally.
		times := 4
		if i >= len(small)-len(deep(n)) {
			times = 1
		}
		for turn := 0; turn < 2 || turn < 50 && least[1] >= 10*least[0]; turn++ {
			for j, text := range []string{small[i], large[i]} {
				begun, count := time.Now(), 1
				if j == 0 {
					count = times
				}
				for range count {
					_, _ = Text(text).Declare()
				}
				least[j] = min(least[j], time.Since(begun)/time.Duration(count))
			}
		}
		// Input that is refused early costs too little to compare.
		if least[0] > time.Millisecond {
			require.Less(t, float64(least[1])/float64(least[0]), 10.0, large[i][:8])
		}
	}
}

// withRaceDetector reports whether this test was built with -race. It is ten times
// slower then, and finds nothing in a single goroutine.
func withRaceDetector() bool {
	info, known := debug.ReadBuildInfo()
	return known && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// deepInputs have a depth that grows with their length.
func deepInputs(n int) []string {
	return []string{strings.Repeat("[", n), strings.Repeat("{", n), strings.Repeat("a: [", n), strings.Repeat("? ", n), strings.Repeat("- ", n)}
}

func hugeInputs(n int) []string {
	return []string{
		"a: [" + strings.Repeat("x, ", n), "a: \"" + strings.Repeat("x\n", n), strings.Repeat("a\n", n),
		strings.Repeat("a: b\n", n), strings.Repeat("#\n", n), strings.Repeat("- &a b\n", n), strings.Repeat("---\n", n),
		strings.Repeat("%\n", n), strings.Repeat("...\n", n), "- &a [x]\n" + strings.Repeat("- *a\n", n),
		strings.Repeat("&a [", n/8) + strings.Repeat("]", n/8), strings.Repeat("---\na: [\n", n/64),
	}
}
