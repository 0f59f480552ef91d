package region

import (
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/doubt"
)

// In a strict space, the forms below leave out what strict gateways refuse, as
// program.Strict says. A path is refused as it was sent; if that is plain, it still is when
// it is normalized.

// strictPath returns the form of a path, or of a path with its query, in the space.
func (s *Space) strictPath(f form) form {
	if !s.Strict {
		return f
	}
	admits, step := f.admits, f.step
	f.admits = func(text string) bool {
		path, _, _ := strings.Cut(text, "?")
		return doubt.PathIsPlain(path) && admits(text)
	}
	f.step = func(state int32, r rune) int32 {
		if (r == ';' || r == '\\') && state != pathQuery {
			return dead
		}
		return step(state, r)
	}
	f.cuts = append(slices.Clip(f.cuts), ';', ';'+1, '\\', '\\'+1)
	return f
}

// strictMethod returns the form of a method in the space.
func (s *Space) strictMethod(f form) form {
	if s.Strict {
		admits := f.admits
		f.admits = func(text string) bool {
			return len(text) <= doubt.MaxMethod && !strings.EqualFold(text, http.MethodTrace) && !strings.EqualFold(text, "TRACK") && admits(text)
		}
	}
	return f
}

// strictHeader returns the form of a header in the space.
func (s *Space) strictHeader(f form, name string) form {
	f.present = f.present && !(s.Strict && strings.Contains(name, "_"))
	return f
}
