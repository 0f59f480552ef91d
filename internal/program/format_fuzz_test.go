package program

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/match"
)

func FuzzParseFormat(f *testing.F) {
	for _, value := range []string{"", "a", "%%", "%REQ(A?B):3%", "%START_TIME(%Y%3f)%", "100%", "%PROTOCOL%", "%QUERY_PARAM(q)%"} {
		f.Add(value, "x\r\ny")
	}
	f.Fuzz(func(t *testing.T, value, input string) {
		parsed, err := header.ParseFormat(value)
		if err != nil {
			require.NotEmpty(t, err.Problem)
			return
		}
		r := &http.Request{Method: "GET", Header: http.Header{}, URL: &url.URL{Path: "/" + input, RawQuery: "q=" + input}, Host: input, RemoteAddr: input}
		for _, key := range []string{"A", "B", "X"} {
			r.Header[key] = []string{input}
		}
		p := &Program{Edge: edge.Edge{Random: edge.Random, IDs: new(edge.RequestIDs)}}
		x := &exchange{program: p, in: r, Req: r, v: match.View{Request: r, Path: "/", Edge: &p.Edge}, clause: &Clause{Clause: new(match.Clause), Route: new(Route)}, dest: new(Destination)}
		v := header.Value{Format: &parsed}
		for _, c := range []header.Context{{X: x, Request: r.Header}, {X: x, Request: r.Header, Rewritten: true, Response: r.Header, Status: 200}} {
			text := v.Value(&c)
			for i := range len(text) {
				require.False(t, field.IsControl(text[i]), "%q", text)
			}
		}
	})
}
