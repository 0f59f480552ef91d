package rawpath

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStripped(t *testing.T) {
	for _, row := range []struct{ requestURI, path, rawPath, want string }{
		{"/api/x", "/x", "", "/api"},
		{"/api/x?q=/y", "/x", "", "/api"},
		{"/a/b/c/x", "/x", "", "/a/b/c"},
		{"/api/x", "/api/x", "", ""},
		{"/api", "", "", "/api"},
		{"/api/", "/", "", "/api"},
		{"/api?q", "", "", "/api"},
		{"/", "", "", ""},
		{"/", "/", "", ""},
		{"/api//x", "//x", "", "/api"},
		{"/api/a%2Fb", "/a/b", "/a%2Fb", "/api"},
		{"/api/a%2Fb", "/a/b", "", ""},
		{"/a%2Fb/x", "/x", "", "/a%2Fb"},
		{"/.well-known/x", "/x", "", "/.well-known"},
		{"http://a.test/api/x", "/x", "", "/api"},
		{"http://a.test/x", "/x", "", ""},
		{"http://a.test", "", "", ""},
		{"/api", "/", "", ""},
		{"/apix", "x", "", ""},
		{"/api/x", "x", "", ""},
		{"/x", "/api/x", "", ""},
		{"/api/x/y", "/x", "", ""},
		{"/old", "/new", "", ""},
		{"/api/X", "/x", "", ""},
		{"//x", "/x", "", ""},
		{"/api//x", "/x", "", ""},
		{"/a/../x", "/x", "", ""},
		{"/./x", "/x", "", ""},
		{"//api/x", "/x", "", ""},
		{"/a?b=/x", "/x", "", ""},
		{"a.test:443", "", "", ""},
		{"*", "*", "", ""},
		{"", "/x", "", ""},
		{"", "", "", ""},
	} {
		r := &http.Request{RequestURI: row.requestURI, URL: &url.URL{Path: row.path, RawPath: row.rawPath}}
		require.Equal(t, row.want, Stripped(r), "%q of %q", row.path, row.requestURI)
	}
}
