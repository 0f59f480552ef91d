package record

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

// A forgetful writer counts how often its request was forgotten.
type forgetful struct {
	http.ResponseWriter
	times int
}

func (w *forgetful) RequestForgotten() { w.times++ }

type keeper struct{ observe.Func }

func (keeper) ObserveContext(context.Context, *observe.Outcome) {}

// unasked is a context that nobody may ask whether it has ended.
type unasked struct{ context.Context }

func (unasked) Err() error { panic("asked") }

// The server may use the memory of a request again unless an observer may keep its
// context. The end of a request that went well does not ask the context.
func TestForgottenRequests(t *testing.T) {
	plain := observe.Func(func(*observe.Outcome) {})
	for _, tt := range []struct {
		name      string
		observers []observe.Observer
		times     int
	}{
		{"an observer of outcomes", []observe.Observer{plain}, 1},
		{"an observer of contexts", []observe.Observer{plain, keeper{plain}}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			below := &forgetful{ResponseWriter: httptest.NewRecorder()}
			r := httptest.NewRequest("GET", "/", nil)
			rec, w, _ := New(tt.observers).Begin(below, r, "http", "")
			w.(interface{ RequestForgotten() }).RequestForgotten()
			rec.End(unasked{r.Context()}, nil)
			require.Equal(t, tt.times, below.times)
		})
	}
}
