package match

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/internal/record"
	"github.com/lateengo/gateway/observe"
)

// A View is a request as conditions see it: raw values, with the normalized path
// and with the edge's own headers instead of the client's.
type View struct {
	Request *http.Request
	// Path is the normalized path, without query. In a chi mount, Path is the
	// part below the mount and Mount is the part above.
	Path, Mount string
	// Scheme is "https" or "http".
	Scheme string
	// Chi is the state of the surrounding chi router, or nil.
	Chi *chi.Context
	// Upgrade means that the client asks for a WebSocket.
	Upgrade bool
	// Owned means that the destination may get the header map of Request itself:
	// see Gateway.InPlace.
	Owned bool
	// Cluster is Istio's name of the cluster behind the destination. It is set only if
	// a limit of the route counts it.
	Cluster string
	// Edge handles headers from outside.
	Edge *edge.Edge
	// Record is nil if nobody observes the request.
	Record *record.Record
	// Routing is how the request was routed, if the program puts that in the context.
	Routing *observe.Routing
}

// Value returns the value of a source and whether the request has one.
func (v *View) Value(s *Source) (string, bool) {
	switch s.kind {
	case PartMethod:
		return v.Request.Method, true
	case PartScheme:
		return v.Scheme, true
	case PartAuthority:
		return v.Request.Host, true
	case PartTarget:
		return v.PathAndQuery(), true
	case PartHeader:
		return field.JoinedHeader(v.Request.Header, s.name)
	case PartEdgeHeader:
		return v.Edge.Value(v.Request, s.name)
	case PartQuery:
		return field.QueryValue(v.Request.URL.RawQuery, s.name)
	case PartParameter:
		return field.Parameter(v.Request.URL.RawQuery, s.name)
	case PartDecodedQuery:
		return field.DecodedQueryValue(v.Request.URL.RawQuery, s.name)
	}
	return "", false
}

// First returns the value of a source as Value does, but of a header with several
// lines the first one.
func (v *View) First(s *Source) (string, bool) {
	if s.kind != PartHeader {
		return v.Value(s)
	}
	if lines := v.Request.Header[s.name]; len(lines) > 0 {
		return lines[0], true
	}
	return "", false
}

// PathAndQuery returns the request target as a destination gets it.
func (v *View) PathAndQuery() string {
	if v.Request.URL.RawQuery == "" && !v.Request.URL.ForceQuery {
		return v.Path
	}
	return v.Path + "?" + v.Request.URL.RawQuery
}

// Query returns the query with its question mark, or "".
func (v *View) Query() string {
	if v.Request.URL.RawQuery == "" && !v.Request.URL.ForceQuery {
		return ""
	}
	return "?" + v.Request.URL.RawQuery
}

// ClientMount returns the part of the path above Path as the client knows it: what
// http.StripPrefix cut off, and the chi mount.
func (v *View) ClientMount() string { return rawpath.Stripped(v.Request) + v.Mount }

// ClientTarget returns the request target as the client knows it.
func (v *View) ClientTarget() string {
	mount := v.ClientMount()
	switch {
	case mount == "":
		return v.PathAndQuery()
	case v.Path == "/" && v.atMount():
		return mount + v.Query()
	}
	return mount + v.PathAndQuery()
}

// atMount reports whether the client asked for the mount itself, without the slash
// that Path then consists of.
func (v *View) atMount() bool {
	if v.Mount == "" {
		return v.Request.URL.Path == ""
	}
	return rawpath.Of(v.Request.URL) == v.Mount
}
