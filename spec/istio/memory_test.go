package istio

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// With a Memory, a Source declares what it declares without one, whatever has changed.
func TestMemoryChangesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var good []string
	for _, name := range goodFiles(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		good = append(good, strings.Split(string(text), "\n---\n")...)
	}
	files := fstest.MapFS{}
	m := new(Memory)
	remembering, plain := FS(files).Remember(m), FS(files)
	for range 400 {
		name := fmt.Sprintf("%c.yaml", 'a'+random.IntN(4))
		var documents []string
		if f := files[name]; f != nil {
			documents = strings.Split(string(f.Data), "\n---\n")
		}
		switch at := random.IntN(len(documents) + 1); random.IntN(5) {
		case 0, 1:
			documents = append(documents[:at:at], append([]string{good[random.IntN(len(good))]}, documents[at:]...)...)
		case 2:
			if at < len(documents) {
				documents = append(documents[:at:at], documents[at+1:]...)
			}
		case 3:
			if at < len(documents) {
				documents[at] = strings.Replace(documents[at], "name: ", "name: x", 1)
			}
		case 4:
			if at < len(documents) {
				documents[at] = strings.Replace(documents[at], "spec:", "spce:", 1)
			}
		}
		files[name] = &fstest.MapFile{Data: []byte(strings.Join(documents, "\n---\n"))}
		want, wantErr := plain.Declare()
		got, gotErr := remembering.Declare()
		require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(gotErr))
		require.Equal(t, print(want), print(got))
	}
}

// Unchanged documents are not read again.
func TestMemoryReadsOnlyChanges(t *testing.T) {
	document := func(name, host string) string {
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s}\nspec:\n  hosts: [%s]\n  http:\n  - route: [{destination: {host: a}}]\n", name, host)
	}
	files := fstest.MapFS{
		"a.yaml": {Data: []byte(document("one", "a.test") + "---\n" + document("two", "b.test"))},
		"b.yaml": {Data: []byte(document("three", "c.test"))},
	}
	source := FS(files).Remember(new(Memory))
	first, err := source.Declare()
	require.NoError(t, err)
	files["a.yaml"] = &fstest.MapFile{Data: []byte(document("one", "x.test") + "---\n" + document("two", "b.test"))}
	second, err := source.Declare()
	require.NoError(t, err)
	kept := func(i int) bool { return &first.VirtualServices[i].Routes[0] == &second.VirtualServices[i].Routes[0] }
	require.Equal(t, []bool{false, true, true}, []bool{kept(0), kept(1), kept(2)})
	require.Equal(t, []string{"x.test"}, second.VirtualServices[0].Hosts)
	require.Equal(t, "a.yaml:15:5: VirtualService default/two: spec.http[0]: x", second.VirtualServices[1].Origin.At("http[0]", "x").String())

	// What was gone for one Declare is read again.
	delete(files, "b.yaml")
	_, err = source.Declare()
	require.NoError(t, err)
	files["b.yaml"] = &fstest.MapFile{Data: []byte(document("three", "c.test"))}
	last, err := source.Declare()
	require.NoError(t, err)
	require.NotSame(t, &second.VirtualServices[2].Routes[0], &last.VirtualServices[2].Routes[0])
}
