package hijack

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// Can agrees with http.ResponseController.
func TestCan(t *testing.T) {
	type unwrapping struct{ wrapper }
	plain := httptest.NewRecorder()
	hijacked := hijackable{plain}
	for name, row := range map[string]struct {
		w    http.ResponseWriter
		want bool
	}{
		"plain":               {plain, false},
		"hijackable":          {hijacked, true},
		"embedded as a field": {struct{ http.ResponseWriter }{hijacked}, false},
		"wrapping plain":      {wrapper{plain}, false},
		"wrapping hijackable": {wrapper{hijacked}, true},
		"wrapping twice":      {unwrapping{wrapper{wrapper{hijacked}}}, true},
	} {
		_, _, err := http.NewResponseController(row.w).Hijack()
		require.Equal(t, row.want, !errors.Is(err, http.ErrNotSupported), name)
		require.Equal(t, row.want, Can(row.w), name)
	}
}

type hijackable struct{ http.ResponseWriter }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }
