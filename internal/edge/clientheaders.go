package edge

import (
	"net/http"
)

// ClientHeaders are what the edge tells destinations about a request's client.
// What is empty is not sent.
type ClientHeaders struct {
	// chain is X-Forwarded-For, proto X-Forwarded-Proto.
	Chain, Proto string
	// address is X-Envoy-External-Address, where that is sent.
	Address string
	// certificate is X-Forwarded-Client-Cert.
	Certificate string
}

// Describe returns what destinations are told. It looks at the header as it came.
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
