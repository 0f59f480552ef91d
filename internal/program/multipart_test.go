package program_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A backend's uploads on disk are removed when its request is over, as they are
// without a gateway.
func TestUploadsAreRemoved(t *testing.T) {
	for _, row := range []struct {
		name    string
		handler func(*gateway.Gateway) http.Handler
		// connection is the request's Connection header.
		connection string
	}{
		{"lent", func(g *gateway.Gateway) http.Handler { return g }, ""},
		{"owned", (*gateway.Gateway).InPlace, ""},
		{"owned, with a nominated header", (*gateway.Gateway).InPlace, "X-A"},
	} {
		t.Run(row.name, func(t *testing.T) { checkUpload(t, row.handler, row.connection) })
	}
}

func checkUpload(t *testing.T, handler func(*gateway.Gateway) http.Handler, connection string) {
	var name string
	gw, err := gateway.New().
		Backend("uploads", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			require.NoError(t, r.ParseMultipartForm(0))
			file, err := r.MultipartForm.File["file"][0].Open()
			require.NoError(t, err)
			defer file.Close()
			name = file.(*os.File).Name()
			require.FileExists(t, name)
		})).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "uploads"}}}).
		Build()
	require.NoError(t, err)
	server := httptest.NewServer(handler(gw))
	defer server.Close()

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "large")
	require.NoError(t, err)
	_, err = part.Write(bytes.Repeat([]byte("x"), 1<<20))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, &body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("X-A", "1")
	if connection != "" {
		r.Header.Set("Connection", connection)
	}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	server.Close() // net/http's server cleans up after its answer
	require.NotEmpty(t, name)
	require.NoFileExists(t, name)
}
