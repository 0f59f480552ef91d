package program

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/lateengo/gateway/internal/rawpath"
)

// hasFragment reports whether a request target has a fragment. net/http's server
// leaves it in the path or in the query.
func hasFragment(u *url.URL) bool {
	return u.Fragment != "" || u.RawPath != "" && strings.IndexByte(u.RawPath, '#') >= 0 ||
		u.RawQuery != "" && strings.IndexByte(u.RawQuery, '#') >= 0
}

// withoutFragment returns a copy of a request without the fragment of its target.
// Istio has Envoy cut it off (http_reject_path_with_fragment is false in its
// bootstrap).
func withoutFragment(r *http.Request) *http.Request {
	out := *r
	u := *r.URL
	u.Fragment, u.RawFragment = "", ""
	if path, _, found := strings.Cut(rawpath.Of(&u), "#"); found {
		rawpath.Set(&u, path)
		u.RawQuery, u.ForceQuery = "", false
	}
	if query, _, found := strings.Cut(u.RawQuery, "#"); found {
		u.RawQuery, u.ForceQuery = query, query == ""
	}
	out.URL = &u
	out.RequestURI, _, _ = strings.Cut(r.RequestURI, "#")
	return &out
}
