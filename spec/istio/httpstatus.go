package istio

import (
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// httpStatus reads Envoy's HttpStatus: a code, by its number or by its name.
func (r *reader) httpStatus(v *value) (status int) {
	if v.form != object {
		r.failf(spec.CodeInvalid, v, "expected a map such as {code: 503}, found %v", v)
		return 0
	}
	r.parts(v, "envoy.HttpStatus", func(_ string, e *value) {
		if e.form != text || plainForm(e.scalar) == number {
			n, _ := r.integer(e, 100, 599)
			status = int(n)
			return
		}
		for _, s := range statuses {
			if s.name == e.scalar {
				status = s.code
				return
			}
		}
		names := make([]string, len(statuses))
		for i, s := range statuses {
			names[i] = s.name
		}
		r.fail(spec.CodeInvalid, e.line, e.column, "expected a status, such as 429 or TooManyRequests, found "+quote(e.scalar), suggest.Closest(e.scalar, names))
	})
	return status
}

// statuses are Envoy's names of statuses.
var statuses = []struct {
	name string
	code int
}{
	{"Continue", 100}, {"OK", 200}, {"Created", 201}, {"Accepted", 202}, {"NonAuthoritativeInformation", 203}, {"NoContent", 204},
	{"ResetContent", 205}, {"PartialContent", 206}, {"MultiStatus", 207}, {"AlreadyReported", 208}, {"IMUsed", 226},
	{"MultipleChoices", 300}, {"MovedPermanently", 301}, {"Found", 302}, {"SeeOther", 303}, {"NotModified", 304}, {"UseProxy", 305},
	{"TemporaryRedirect", 307}, {"PermanentRedirect", 308},
	{"BadRequest", 400}, {"Unauthorized", 401}, {"PaymentRequired", 402}, {"Forbidden", 403}, {"NotFound", 404},
	{"MethodNotAllowed", 405}, {"NotAcceptable", 406}, {"ProxyAuthenticationRequired", 407}, {"RequestTimeout", 408},
	{"Conflict", 409}, {"Gone", 410}, {"LengthRequired", 411}, {"PreconditionFailed", 412}, {"PayloadTooLarge", 413},
	{"URITooLong", 414}, {"UnsupportedMediaType", 415}, {"RangeNotSatisfiable", 416}, {"ExpectationFailed", 417},
	{"MisdirectedRequest", 421}, {"UnprocessableEntity", 422}, {"Locked", 423}, {"FailedDependency", 424}, {"UpgradeRequired", 426},
	{"PreconditionRequired", 428}, {"TooManyRequests", 429}, {"RequestHeaderFieldsTooLarge", 431},
	{"InternalServerError", 500}, {"NotImplemented", 501}, {"BadGateway", 502}, {"ServiceUnavailable", 503}, {"GatewayTimeout", 504},
	{"HTTPVersionNotSupported", 505}, {"VariantAlsoNegotiates", 506}, {"InsufficientStorage", 507}, {"LoopDetected", 508},
	{"NotExtended", 510}, {"NetworkAuthenticationRequired", 511},
}
