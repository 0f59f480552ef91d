package rawpath

import (
	"net/http"
	"path"
	"strings"
)

// Target returns path and query as sent.
func Target(r *http.Request) string {
	path := Of(r.URL)
	if r.URL.RawQuery == "" && !r.URL.ForceQuery {
		return path
	}
	return path + "?" + r.URL.RawQuery
}

// Stripped returns what a handler in front, such as http.StripPrefix, has cut from
// the beginning of the path, or "". r.RequestURI still has it.
//
// What precedes the rest in r.RequestURI counts only if it looks like the place
// where a handler is mounted: it begins with a slash, and has no empty segment, no
// dot segment, and no slash at its end. Otherwise the path was changed in another
// way.
func Stripped(r *http.Request) string {
	target, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(target, "/") {
		_, rest, absolute := strings.Cut(target, "://")
		i := strings.IndexByte(rest, '/')
		if !absolute || i < 0 {
			return ""
		}
		target = rest[i:]
	}
	rest := ""
	if r.URL.Path != "" {
		if rest = Of(r.URL); rest[0] != '/' {
			return ""
		}
	}
	cut, ok := strings.CutSuffix(target, rest)
	if !ok || cut == "" || cut == "/" || path.Clean(cut) != cut {
		return ""
	}
	return cut
}
