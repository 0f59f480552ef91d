package edge

import (
	"net/http"
)

// ClientHeaders tell destinations about the client of a request. Empty fields are
// not sent.
type ClientHeaders struct {
	// Chain is X-Forwarded-For, Proto is X-Forwarded-Proto.
	Chain, Proto string
	// Address is X-Envoy-External-Address, if it is sent.
	Address string
	// Certificate is X-Forwarded-Client-Cert.
	Certificate string
}

// Describe returns the headers for destinations. It reads the client's headers
// unchanged.
func (e *Edge) Describe(r *http.Request) ClientHeaders {
	if e.Open {
		return ClientHeaders{}
	}
	c := ClientHeaders{Chain: e.ForwardedFor(r), Proto: e.ForwardedProto(r), Certificate: clientCertificate(r)}
	if e.Semantics.EdgeHeadersFirst() {
		c.Address = e.ClientAddress(r)
	}
	return c
}
