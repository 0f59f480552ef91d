package upstream

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// A goneClient disconnects while it gets a response with a status of 1xx.
type goneClient struct {
	*httptest.ResponseRecorder
	cancel context.CancelFunc
	// sent is the header of that response.
	sent http.Header
}

func (w *goneClient) WriteHeader(status int) {
	if status < 200 && w.sent == nil {
		w.cancel()
		w.sent = maps.Clone(w.Header())
	}
}

// net/http's HTTP/2 server may read the header of a response with a status of 1xx after
// WriteHeader has returned, if the client is gone. So the header stays as it is.
func TestClientGoneDuringInformationalResponse(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		fleet(t, &c, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
			<-r.Context().Done()
		})
		u := newUpstream(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := &goneClient{ResponseRecorder: httptest.NewRecorder(), cancel: cancel}
		w.Header().Set("Vary", "Origin")
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { u.ServeHTTP(w, get("/").WithContext(ctx)) })
		require.Equal(t, http.Header{"Link": {"</style.css>"}}, w.sent)
		require.Equal(t, w.sent, w.Header())
	})
}
