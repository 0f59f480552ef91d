package localreply

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrite(t *testing.T) {
	const timeout = "upstream request timeout"
	for _, row := range []struct {
		name        string
		method      string
		contentType string
		status      int
		body        string
		wantStatus  int
		want        string
		wantHeaders http.Header
	}{
		{"text", "GET", "", 504, timeout, 504, timeout, http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"24"}}},
		{"empty", "GET", "", 503, "", 503, "", http.Header{"Content-Length": {"0"}}},
		{"head", "HEAD", "", 504, timeout, 504, "", http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"24"}}},
		{"no content", "GET", "", 204, "ignored", 204, "", http.Header{}},
		{"not modified", "GET", "", 304, "ignored", 304, "", http.Header{}},
		{
			"grpc", "POST", "application/grpc", 503, "no healthy upstream", 200, "",
			http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"14"}, "Grpc-Message": {"no healthy upstream"}, "Content-Length": {"0"}},
		},
		{
			"grpc, empty", "POST", "application/grpc+proto", 404, "", 200, "",
			http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"12"}, "Content-Length": {"0"}},
		},
		{
			"grpc, encoded message", "POST", "application/grpc", 400, "50% ü\n", 200, "",
			http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"13"}, "Grpc-Message": {"50%25 %C3%BC%0A"}, "Content-Length": {"0"}},
		},
		{"grpc-web", "POST", "application/grpc-web", 503, "x", 503, "x", http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"1"}}},
		{"grpc with parameter", "POST", "application/grpc;x=y", 503, "x", 503, "x", http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"1"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "999")
				w.Header().Set("X-Kept", "yes")
				Write(w, r, row.status, row.body)
			}))
			defer server.Close()
			request, err := http.NewRequest(row.method, server.URL, nil)
			require.NoError(t, err)
			if row.contentType != "" {
				request.Header.Set("Content-Type", row.contentType)
			}
			response, err := server.Client().Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, row.wantStatus, response.StatusCode)
			require.Equal(t, row.want, string(body))
			require.Equal(t, "yes", response.Header.Get("X-Kept"))
			response.Header.Del("Date")
			response.Header.Del("X-Kept")
			require.Equal(t, row.wantHeaders, response.Header)
		})
	}
}

func TestGRPCStatus(t *testing.T) {
	want := map[int]string{400: "13", 401: "16", 403: "7", 404: "12", 413: "8", 429: "14", 502: "14", 503: "14", 504: "14"}
	for status := 400; status < 600; status++ {
		code, ok := want[status]
		if !ok {
			code = "2"
		}
		require.Equal(t, code, grpcStatus(status), "status %d", status)
	}
}

func TestIsGRPC(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/grpc":                  true,
		"application/grpc+proto":            true,
		"application/grpc+":                 true,
		"application/grpc-web":              false,
		"application/grpc-web+proto":        false,
		"application/grpc;a=b":              false,
		"application/grp":                   false,
		"":                                  false,
		strings.ToUpper("application/grpc"): false,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", contentType)
		require.Equal(t, want, IsGRPC(r), contentType)
	}
	require.False(t, IsGRPC(httptest.NewRequest("POST", "/", nil)))
}

func TestWriteEdited(t *testing.T) {
	for _, row := range []struct {
		name    string
		request []string // its headers
		status  int
		body    string
		edit    func(*http.Request, *Reply)
		want    string // status, content-type and body
	}{
		{"without edits", nil, 503, "no healthy upstream", nil, "503 text/plain no healthy upstream"},
		{"the edit sees the reply", nil, 404, "", func(r *http.Request, reply *Reply) {
			reply.ContentType, reply.Body = "text/html", fmt.Sprintf("%d %s %q", reply.Status, r.URL.Path, reply.ContentType)
		}, `404 text/html 404 /cart ""`},
		{"another status", nil, 503, "down", func(_ *http.Request, reply *Reply) { reply.Status = 500 }, "500 text/plain down"},
		{"no response has this status", nil, 503, "down", func(_ *http.Request, reply *Reply) { reply.Status = 99 }, "503 text/plain down"},
		{"nor this", nil, 503, "down", func(_ *http.Request, reply *Reply) { reply.Status = 600 }, "503 text/plain down"},
		{"a body without a type", nil, 503, "down", func(_ *http.Request, reply *Reply) { reply.ContentType = "" }, "503  down"},
		{"a header", nil, 503, "", func(_ *http.Request, reply *Reply) { reply.Header.Set("X-Reason", "down") }, "503  "},
		{"no error", nil, 301, "", func(*http.Request, *Reply) { panic("edited") }, "301  "},
		{"gRPC", []string{"application/grpc"}, 503, "down", func(*http.Request, *Reply) { panic("edited") }, "200 application/grpc "},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://shop.test/cart", nil)
			r.Header["Content-Type"] = row.request
			w := httptest.NewRecorder()
			w.Header().Set("Content-Encoding", "gzip")
			WriteEdited(w, r, row.status, row.body, row.edit)
			require.Equal(t, row.want, fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type"), " ", w.Body))
			require.Empty(t, w.Header().Get("Content-Encoding"))
			require.Equal(t, row.name == "a header", w.Header().Get("X-Reason") == "down")
		})
	}
}
