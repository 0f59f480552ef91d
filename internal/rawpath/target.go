package rawpath

import (
	"net/http"
)

// Target returns path and query as sent.
func Target(r *http.Request) string {
	path := Of(r.URL)
	if r.URL.RawQuery == "" && !r.URL.ForceQuery {
		return path
	}
	return path + "?" + r.URL.RawQuery
}
