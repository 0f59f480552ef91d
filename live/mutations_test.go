package live_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// A changing source is text that a test changes between reloads.
type changing struct {
	source
	yaml string
}

func (c *changing) Declare() (spec.Declarations, error) { return istio.Text(c.yaml).Declare() }

// Broken configurations are refused as a whole, with the places of all problems, and the
// one before answers throughout. Others are taken over as a whole.
func TestMutatedConfigurations(t *testing.T) {
	good := goodConfigurations(t)
	n := 1000
	if testing.Short() {
		n = 200
	}
	if text := os.Getenv("LATEEN_MUTATIONS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	source := &changing{yaml: answering("always", "here")}
	source.text = "unused"
	c, err := live.Open(source, gateway.New, live.Options{})
	require.NoError(t, err)
	defer c.Close()
	accepted, refused := 0, 0
	for i := range n {
		documents := []string{answering("always", "here")}
		text := good[random.IntN(len(good))]
		for range 1 + random.IntN(3) {
			text = mutated(random, text)
		}
		source.yaml = strings.Join(append(documents, text), "---\n")
		before := c.Gateway().String()
		err := c.Reload()
		if err == nil {
			accepted++
		} else {
			refused++
			require.NotContains(t, err.Error(), "panic: ", "mutation %d:\n%s", i, text)
			require.Equal(t, before, c.Gateway().String(), "mutation %d", i)
			for e := range spec.Errors(err) {
				require.NotEmpty(t, e.Problem, "mutation %d: %v", i, err)
				require.NotZero(t, e.Line, "mutation %d has an error without a place: %v\n%s", i, e, text)
			}
		}
		// A mutated configuration may take over the host. Deciding forwards nothing.
		require.NotEmpty(t, c.Gateway().Decide(testhttp.Request(t, "GET", "http://always.test/")).Kind)
	}
	require.Greater(t, accepted, n/100, "hardly any mutation was accepted")
	require.Greater(t, refused, n/10, "hardly any mutation was refused")
}

// goodConfigurations returns the good documents of package spec/istio.
func goodConfigurations(t *testing.T) []string {
	files, err := filepath.Glob("../spec/istio/testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		out = append(out, string(text))
	}
	return out
}

// mutated returns a configuration with one change.
func mutated(random *rand.Rand, text string) string {
	if random.IntN(8) == 0 {
		return mutatedText(random, text)
	}
	documents := strings.Split(text, "\n---\n")
	at := random.IntN(len(documents))
	var root yaml.Node
	if yaml.Unmarshal([]byte(documents[at]), &root) != nil || len(root.Content) == 0 {
		return mutatedText(random, text)
	}
	var nodes []*yaml.Node
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if len(n.Content) > 0 {
			nodes = append(nodes, n)
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&root)
	if len(nodes) == 0 {
		return text
	}
	n := nodes[random.IntN(len(nodes))]
	i := random.IntN(len(n.Content))
	switch random.IntN(6) {
	case 0: // drop
		if n.Kind == yaml.MappingNode {
			i -= i % 2
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
		} else {
			n.Content = append(n.Content[:i:i], n.Content[i+1:]...)
		}
	case 1: // duplicate
		if n.Kind == yaml.SequenceNode {
			n.Content = append(n.Content, n.Content[i])
		}
	case 2: // swap with a node of another place
		other := nodes[random.IntN(len(nodes))]
		j := random.IntN(len(other.Content))
		if !contains(n.Content[i], other) && !contains(other.Content[j], n) {
			n.Content[i], other.Content[j] = other.Content[j], n.Content[i]
		}
	case 3: // another type
		values := []string{"1", "-1", "true", "null", "[]", "{}", "[a]", "{a: b}", "''", "'*'", "99999999999999999999", "1e400", "~", "'('", "\"\\0\"", "2021-01-01", "0x7f", "NaN"}
		var value yaml.Node
		if yaml.Unmarshal([]byte(values[random.IntN(len(values))]), &value) == nil && len(value.Content) == 1 {
			n.Content[i] = value.Content[0]
		}
	case 4: // a scalar that is nearly the same
		if c := n.Content[i]; c.Kind == yaml.ScalarNode && c.Value != "" {
			c.Value = mutatedText(random, c.Value)
		}
	case 5: // nested
		n.Content[i] = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n.Content[i]}}
	}
	out, err := yaml.Marshal(&root)
	if err != nil {
		return mutatedText(random, text)
	}
	documents[at] = string(out)
	return strings.Join(documents, "\n---\n")
}

// contains reports whether a tree contains a node.
func contains(tree, node *yaml.Node) bool {
	if tree == node {
		return true
	}
	for _, c := range tree.Content {
		if contains(c, node) {
			return true
		}
	}
	return false
}

// mutatedText changes a few bytes.
func mutatedText(random *rand.Rand, text string) string {
	if text == "" {
		return "x"
	}
	i := random.IntN(len(text))
	j := i + random.IntN(len(text)-i)
	switch random.IntN(4) {
	case 0:
		return text[:i] + text[j:]
	case 1:
		return text[:i] + string(rune(random.IntN(0x2ff))) + text[i:]
	case 2:
		return text[:j] + text[i:j] + text[j:]
	}
	return text[:i]
}

// Texts that are made to hurt a reader are refused, and cost little.
func TestHostileConfigurations(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := 'b'; i < 'k'; i++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", i, i, strings.TrimSuffix(strings.Repeat("*"+string(i-1)+",", 9), ","))
	}
	service := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n  hosts: [a.test]\n  http:\n"
	for name, text := range map[string]string{
		"a bomb of aliases":        bomb,
		"a bomb in a resource":     service + "  - " + strings.ReplaceAll(strings.TrimSpace(bomb), "\n", "\n    ") + "\n",
		"ten thousand levels":      service + "  - route: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "\n",
		"ten thousand objects":     service + "  - route: " + strings.Repeat("{a: ", 10_000) + "b" + strings.Repeat("}", 10_000) + "\n",
		"a regex that is too long": service + "  - {match: [{uri: {regex: '" + strings.Repeat("(a|b)*", 1000) + "'}}], directResponse: {status: 200}}\n",
		"a regex that explodes":    service + "  - {match: [{uri: {regex: '((a{1,100}){1,100}){1,100}'}}], directResponse: {status: 200}}\n",
		"one long line":            service + "  - {directResponse: {status: 200, body: {string: '" + strings.Repeat("x", 2<<20) + "'}}, foo: 1}\n",
	} {
		t.Run(name, func(t *testing.T) {
			source := &changing{yaml: answering("always", "here")}
			c, err := live.Open(source, gateway.New, live.Options{})
			require.NoError(t, err)
			defer c.Close()
			source.yaml = answering("always", "here") + "---\n" + text
			err = c.Reload()
			require.Error(t, err)
			for e := range spec.Errors(err) {
				require.NotZero(t, e.Line)
				require.Less(t, len(e.Error()), 3000)
			}
			w := testgateway.Serve(c.Gateway(), testhttp.Request(t, "GET", "http://always.test/"))
			require.Equal(t, "here", w.Body.String())
		})
	}
}
