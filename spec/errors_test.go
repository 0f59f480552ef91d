package spec

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrors(t *testing.T) {
	problem := func(text string) *Error { return &Error{Finding: Finding{Problem: text}} }
	a, b, c := problem("a"), problem("b"), problem("c")
	all := func(err error) (texts []string) {
		for e := range Errors(err) {
			texts = append(texts, e.Problem)
		}
		return texts
	}
	require.Empty(t, all(nil))
	require.Empty(t, all(errors.New("something else")))
	require.Equal(t, []string{"a"}, all(a))
	require.Equal(t, []string{"a"}, all(fmt.Errorf("cannot build: %w", a)))
	require.Equal(t, []string{"a", "b", "c"}, all(errors.Join(a, errors.New("x"), fmt.Errorf("more: %w", errors.Join(b, c)))))
	for e := range Errors(errors.Join(a, b)) {
		require.Equal(t, a, e)
		break
	}
}
