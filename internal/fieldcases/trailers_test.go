package fieldcases

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// Trailers reach the client whether or not the header announced them, with or
// without a body. A response that cannot have a body has no trailers either.
func TestTrailersWithAndWithoutBody(t *testing.T) {
	for _, row := range []struct{ name, answer, body string }{
		{"not announced, no body", "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 7\r\n\r\n", ""},
		{"announced, no body", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n0\r\nX-Sum: 7\r\n\r\n", ""},
		{"not announced", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n", "ok"},
		{"announced in small letters", "Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n", "ok"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everyWay(t, testwire.Backend(t, answering("HTTP/1.1 200 OK\r\n"+row.answer)), func(t *testing.T, address string) {
				conn, in := dial(t, address)
				send(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: te\r\n\r\n")
				response, body := answered(t, in)
				require.Equal(t, 200, response.StatusCode)
				require.Equal(t, row.body, body)
				require.Equal(t, http.Header{"X-Sum": {"7"}}, response.Trailer)
			})
		})
	}
	t.Run("announced in a 204", func(t *testing.T) {
		everyWay(t, testwire.Backend(t, answering("HTTP/1.1 204 No Content\r\nTrailer: X-Sum\r\n\r\n")), func(t *testing.T, address string) {
			all := said(t, address, "GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: close, te\r\n\r\n")
			require.True(t, strings.HasPrefix(all, "HTTP/1.1 204 "), all)
			require.Equal(t, len(all)-4, strings.Index(all, "\r\n\r\n"), "nothing follows the head: %q", all)
		})
	})
}
