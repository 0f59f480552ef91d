package spec

// A DirectResponse answers with a fixed response (Istio's HTTPDirectResponse).
type DirectResponse struct {
	// Status is the HTTP status, 200 to 599.
	Status int
	// Body is at most 1 MiB. It is sent as text/plain unless the response headers
	// of the route set another type.
	Body []byte
}
