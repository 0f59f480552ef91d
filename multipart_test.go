package gateway

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A backend's uploads on disk are gone when its request is over, as they are
// without a gateway in front.
func TestUploadsAreRemoved(t *testing.T) {
	var name string
	gw, err := New().
		Backend("uploads", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			require.NoError(t, r.ParseMultipartForm(0))
			file, err := r.MultipartForm.File["file"][0].Open()
			require.NoError(t, err)
			defer file.Close()
			name = file.(*os.File).Name()
			require.FileExists(t, name)
		})).
		Route(Route{Split: Split{{Host: "uploads"}}}).
		Build()
	require.NoError(t, err)
	server := httptest.NewServer(gw)
	defer server.Close()

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "large")
	require.NoError(t, err)
	_, err = part.Write(bytes.Repeat([]byte("x"), 11<<20))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	response, err := server.Client().Post(server.URL, form.FormDataContentType(), &body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NotEmpty(t, name)
	require.NoFileExists(t, name)
}
