package testhttp

import (
	"net/http"
	"net/http/httptest"
)

// From returns a request of a client, with headers.
func From(address string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "http://a.com/", nil)
	r.RemoteAddr = address
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

const Client = "192.0.2.1:1234"

func Codes(gw http.Handler, n int) (out []int) {
	for range n {
		out = append(out, Recorded(gw, From(Client)).Code)
	}
	return out
}
