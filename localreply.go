package gateway

import "net/http"

// A LocalReply is an error that the gateway answers itself: see Builder.LocalReply.
type LocalReply struct {
	// Status is the status of the response, 200 to 599. Other values do not change
	// it.
	Status int
	// ContentType and Body are the body. At first the Body is Envoy's, in plain text,
	// or empty.
	ContentType, Body string
	// Header has the other headers of the response. Change the map itself: another
	// map in its place is ignored.
	Header http.Header
}
