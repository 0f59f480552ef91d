package upstream

import (
	"context"
	"maps"
	"net/http"
)

// A client sends requests to one host.
type client interface {
	// serve sends the request of x, and writes the response to x's writer. An
	// error means that nothing was written to the writer. sent means that a
	// byte of the request may have been sent. serve panics with
	// http.ErrAbortHandler if the response cannot be finished.
	serve(x exchange) (sent bool, err error)
	// closeIdle closes the connections that are not in use.
	closeIdle()
}

// An exchange is one request on its way to a host, and its response.
type exchange struct {
	upstream *Upstream
	host     *host
	w        http.ResponseWriter
	r        *http.Request
	// path and query are the request's target in the form that is sent.
	path, query string
	// cookies are Set-Cookie headers to add to the response.
	cookies []string
	// upgrade is the token of an upgrade that the request asks for, or "".
	upgrade string
	// sent is set when a byte of the request may have been sent.
	sent bool
	// status is that of the response for the outlier detection.
	status int
	// informed counts responses with status 1xx.
	informed int
}

// maxInformational is how many responses with a status of 1xx may come before
// the final one.
const maxInformational = 100

// inform forwards a response with a status of 1xx, other than 101, and reports
// whether more are accepted. h is the response's header.
func (x *exchange) inform(status int, h http.Header) bool {
	if x.informed++; x.informed > maxInformational {
		return false
	}
	if !x.r.ProtoAtLeast(1, 1) || status == http.StatusContinue && !expectsContinue(x.r) {
		return true
	}
	header := x.w.Header()
	kept := maps.Clone(header)
	clear(header)
	addEndToEnd(header, h)
	x.w.WriteHeader(status)
	if context.Cause(x.r.Context()) == context.Canceled {
		// The client is gone. net/http's HTTP/2 server may still read the map.
		return false
	}
	clear(header)
	maps.Copy(header, kept)
	return true
}

// addCookie adds the cookies that keep a client at its host.
func (x *exchange) addCookie(header http.Header) {
	if len(x.cookies) > 0 {
		header["Set-Cookie"] = append(header["Set-Cookie"], x.cookies...)
	}
}

// expectsContinue reports whether r's client waits for a 100 before it sends the
// body.
func expectsContinue(r *http.Request) bool {
	values := r.Header["Expect"]
	return len(values) > 0 && hasToken(values, "100-continue")
}

// hasBody reports whether the request has a body, which may be empty if its
// length is not known.
func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// bodiless reports whether a response to method has no body, whatever its header
// says.
func bodiless(method string, status int) bool {
	return method == http.MethodHead || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// abort ends a response that cannot be finished.
func abort() {
	panic(http.ErrAbortHandler)
}
