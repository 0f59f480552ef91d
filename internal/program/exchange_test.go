package program

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/match"
)

// A clone without enough room for its entries allocates once more.
func TestMapRoom(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 13, 14, 15, 27, 28, 29, 57, 112} {
		h := make(http.Header, n)
		for i := range n {
			h[strconv.Itoa(i)] = nil
		}
		keys := make([]string, 0, mapRoom(n)+1)
		for i := range cap(keys) {
			keys = append(keys, strconv.Itoa(i))
		}
		grownTo := func(size int) float64 {
			return testing.AllocsPerRun(10, func() {
				grown := maps.Clone(h)
				for _, key := range keys[n:size] {
					grown[key] = nil
				}
			})
		}
		clone := grownTo(n)
		if n > 0 {
			require.Equal(t, clone, grownTo(mapRoom(n)), "%d", n)
		}
		require.Greater(t, grownTo(mapRoom(n)+1), clone, "%d", n)
	}
}

func TestWhichExchangesAreUsedAgain(t *testing.T) {
	direct := &Destination{direct: true}
	body := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	none := httptest.NewRequest(http.MethodGet, "/", nil)
	over2 := func(length int64) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
		r.ProtoMajor, r.ContentLength = 2, length
		return r
	}
	tests := []struct {
		name  string
		v     match.View
		d     *Destination
		route Route
		want  bool
	}{
		{"no body", match.View{Request: none, Owned: true}, direct, Route{}, true},
		{"not owned", match.View{Request: none}, direct, Route{}, false},
		{"a body", match.View{Request: body, Owned: true}, direct, Route{}, false},
		{"none over HTTP/2", match.View{Request: over2(0), Owned: true}, direct, Route{}, true},
		{"a body of unknown length over HTTP/2", match.View{Request: over2(-1), Owned: true}, direct, Route{}, false},
		{"a handler", match.View{Request: none, Owned: true}, &Destination{}, Route{}, false},
		{"net/http's client", match.View{Request: none, Owned: true}, &Destination{Remote: true}, Route{}, false},
		{"an upgrade", match.View{Request: none, Owned: true, Upgrade: true}, direct, Route{}, false},
		{"a mirror", match.View{Request: none, Owned: true}, direct, Route{Mirrors: make([]Mirror, 1)}, false},
		{"a timeout", match.View{Request: none, Owned: true}, direct, Route{Timeout: 1}, false},
		{"a timeout of each try", match.View{Request: none, Owned: true}, direct, Route{Retry: &forward.Retry{PerTry: 1}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.route.Retry == nil {
				tt.route.Retry = new(forward.Retry)
			}
			require.Equal(t, tt.want, tt.route.forgets(&tt.v, tt.d))
		})
	}
}
