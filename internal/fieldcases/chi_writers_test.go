package fieldcases

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
)

// chiStack has the usual chi middlewares around a handler.
func chiStack(h http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, chiLogger, middleware.Recoverer, middleware.Compress(5, "text/plain"),
		middleware.StripSlashes, middleware.Timeout(time.Minute), middleware.GetHead)
	r.Mount("/", h)
	return r
}

// Chi's middlewares work around a gateway as around any handler. The body is
// complete, and compressed if they compress; the gateway's headers are present; and
// a handler behind the gateway controls the connection.
func TestChiAroundAGateway(t *testing.T) {
	long := strings.Repeat("hello ", 2000)
	backend := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		end := time.Now().Add(time.Hour)
		err := errors.Join(c.SetReadDeadline(end), c.SetWriteDeadline(end), c.EnableFullDuplex())
		w.Header().Set("X-Problems", fmt.Sprint(err))
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", fmt.Sprint(len(long)))
		_, _ = io.WriteString(w, long)
		if err := c.Flush(); err != nil {
			panic(err)
		}
	})
	type added struct{ header, value string }
	withCORS := append(routes[:len(routes):len(routes)], struct {
		name  string
		route spec.Route
	}{"CORS", spec.Route{CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("http://b.test")}}}})
	adds := map[string]added{"changed": {"X-Added", "1"}, "CORS": {"Access-Control-Allow-Origin", "http://b.test"}}
	for _, r := range withCORS {
		gw := testgateway.Built(t, gateway.New().Backend("app", backend).Route(toApp(r.route)))
		for _, around := range []struct {
			name       string
			wrap       func(http.Handler) http.Handler
			compresses bool
		}{
			{"nothing", asIs, false},
			{"Logger", chiLogger, false},
			{"Timeout", middleware.Timeout(time.Minute), false},
			{"Compress", middleware.Compress(5, "text/plain"), true},
			{"all", chiStack, true},
		} {
			t.Run(around.name+", "+r.name, func(t *testing.T) {
				request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+front(t, around.wrap(gw))+"/x/", nil)
				require.NoError(t, err)
				request.Header = http.Header{"Accept-Encoding": {"gzip"}, "Origin": {"http://b.test"}}
				response, err := speaking(t, http1).RoundTrip(request)
				require.NoError(t, err)
				defer response.Body.Close()
				body := io.Reader(response.Body)
				if around.compresses {
					require.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
					require.EqualValues(t, -1, response.ContentLength)
					body, err = gzip.NewReader(body)
					require.NoError(t, err)
				}
				text, err := io.ReadAll(body)
				require.NoError(t, err)
				require.Equal(t, long, string(text))
				require.Equal(t, "<nil>", response.Header.Get("X-Problems"))
				if add, ok := adds[r.name]; ok {
					require.Equal(t, []string{add.value}, response.Header[add.header])
				}
			})
		}
	}
}
