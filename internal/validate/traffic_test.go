package validate

import (
	"math"
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
)

func TestValidateRetry(t *testing.T) {
	row := func(name string, r spec.Retry, want ...string) routeRow {
		return forwarding(name, spec.Route{Retry: &r}, want...)
	}
	const idle = "error retries.attempts: there are no retries, but perTryTimeout, retryOn or retryRemoteLocalities is given"
	runRoutes(t, Options{}, []routeRow{
		row("none", spec.Retry{}),
		row("some", spec.Retry{Attempts: 3, PerTryTimeout: time.Millisecond, On: []string{"5xx", "503", "unavailable"}}),
		row("fewer than none", spec.Retry{Attempts: -1}, "error retries.attempts: -1 is not a number of retries, 0 or more is expected"),
		row("none with a timeout", spec.Retry{PerTryTimeout: time.Second}, idle),
		row("none on conditions", spec.Retry{On: []string{"5xx"}}, idle),
		row("none elsewhere", spec.Retry{RemoteLocalities: true}, idle),
		row("below a millisecond", spec.Retry{Attempts: 1, PerTryTimeout: 999 * time.Microsecond},
			"error retries.perTryTimeout: 999µs is too short, 1ms or more is expected"),
		row("between milliseconds", spec.Retry{Attempts: 1, Backoff: 1500 * time.Microsecond},
			"error retries.backoff: 1.5ms is too precise, whole milliseconds are expected"),
		row("a space", spec.Retry{Attempts: 1, On: []string{"503", " 429"}},
			`error retries.retryOn: " 429" is not a retry condition: spaces matter; did you mean "429"?`),
		row("a misspelling", spec.Retry{Attempts: 1, On: []string{"gateway_errors"}},
			`error retries.retryOn: "gateway_errors" is not a retry condition: one of Envoy's conditions or an HTTP status is expected; did you mean "gateway-error"?`),
		row("no status", spec.Retry{Attempts: 1, On: []string{"299"}},
			`error retries.retryOn: "299" is not a retry condition: one of Envoy's conditions or an HTTP status is expected`),
		row("an empty word", spec.Retry{Attempts: 1, On: []string{""}},
			`error retries.retryOn: "" is not a retry condition: one of Envoy's conditions or an HTTP status is expected`),
		row("headers without a list", spec.Retry{Attempts: 1, On: []string{"retriable-headers"}},
			`warning retries.retryOn: "retriable-headers" never retries: headers cannot be listed`),
		forwarding("a try as long as all", spec.Route{Timeout: time.Second, Retry: &spec.Retry{Attempts: 1, PerTryTimeout: time.Second}},
			"warning retries.perTryTimeout: has no effect: 1s is not less than the route's timeout, 1s"),
		forwarding("a try shorter than all", spec.Route{Timeout: time.Second, Retry: &spec.Retry{Attempts: 1, PerTryTimeout: 999 * time.Millisecond}}),
	})
}

func TestValidateTimeout(t *testing.T) {
	runRoutes(t, Options{}, []routeRow{
		forwarding("none", spec.Route{}),
		forwarding("1ms", spec.Route{Timeout: time.Millisecond}),
		forwarding("negative", spec.Route{Timeout: -time.Second}, "error timeout: -1s is too short, 1ms or more is expected"),
		forwarding("1ns", spec.Route{Timeout: 1}, "error timeout: 1ns is too short, 1ms or more is expected"),
		forwarding("1.0001s", spec.Route{Timeout: time.Second + 100*time.Microsecond}, "error timeout: 1.0001s is too precise, whole milliseconds are expected"),
	})
}

func TestValidateFault(t *testing.T) {
	abort := func(name string, a spec.FaultAbort, want ...string) routeRow {
		return forwarding(name, spec.Route{Fault: &spec.Fault{Abort: &a}}, want...)
	}
	delay := func(name string, d spec.FaultDelay, want ...string) routeRow {
		return forwarding(name, spec.Route{Fault: &spec.Fault{Delay: &d}}, want...)
	}
	const percent = " is not a percentage, 0 or 0.0001 to 100 is expected"
	runRoutes(t, Options{}, []routeRow{
		forwarding("nothing", spec.Route{Fault: &spec.Fault{}}, "error fault: the fault does nothing: a delay or an abort is expected"),
		abort("200", spec.FaultAbort{HTTPStatus: 200, Percent: 100}),
		abort("599", spec.FaultAbort{HTTPStatus: 599, Percent: 0.0001}),
		abort("199", spec.FaultAbort{HTTPStatus: 199, Percent: 1}, "error fault.abort.httpStatus: 199 is not a valid status, 200 to 599 is expected"),
		abort("600", spec.FaultAbort{HTTPStatus: 600, Percent: 1}, "error fault.abort.httpStatus: 600 is not a valid status, 200 to 599 is expected"),
		abort("gRPC", spec.FaultAbort{GRPCStatus: "UNAVAILABLE", Percent: 1}),
		abort("gRPC in lower case", spec.FaultAbort{GRPCStatus: "unavailable", Percent: 1},
			`error fault.abort.grpcStatus: "unavailable" is not the name of a gRPC status; did you mean "UNAVAILABLE"?`),
		abort("gRPC by number", spec.FaultAbort{GRPCStatus: "14", Percent: 1}, `error fault.abort.grpcStatus: "14" is not the name of a gRPC status`),
		abort("both", spec.FaultAbort{HTTPStatus: 500, GRPCStatus: "UNAVAILABLE", Percent: 1}, "error fault.abort: httpStatus and grpcStatus cannot be combined"),
		abort("neither", spec.FaultAbort{Percent: 1}, "warning fault.abort: has no effect: neither httpStatus nor grpcStatus is given [IST0133]"),
		abort("no percentage", spec.FaultAbort{HTTPStatus: 500}, "warning fault.abort: never happens: the percentage is 0, which is also the default"),
		abort("too little", spec.FaultAbort{HTTPStatus: 500, Percent: 0.00009}, "error fault.abort.percentage.value: 9e-05"+percent),
		abort("too much", spec.FaultAbort{HTTPStatus: 500, Percent: 100.01}, "error fault.abort.percentage.value: 100.01"+percent),
		abort("negative", spec.FaultAbort{HTTPStatus: 500, Percent: -1}, "error fault.abort.percentage.value: -1"+percent),
		abort("no number", spec.FaultAbort{HTTPStatus: 500, Percent: math.NaN()}, "error fault.abort.percentage.value: NaN"+percent),
		delay("5s", spec.FaultDelay{Fixed: 5 * time.Second, Percent: 50}),
		delay("no time", spec.FaultDelay{Percent: 50}, "error fault.delay.fixedDelay: the delay is missing"),
		delay("less than 1ms", spec.FaultDelay{Fixed: time.Microsecond, Percent: 50}, "error fault.delay.fixedDelay: 1µs is too short, 1ms or more is expected"),
		delay("never", spec.FaultDelay{Fixed: time.Second}, "warning fault.delay: never happens: the percentage is 0, which is also the default"),
		delay("more than always", spec.FaultDelay{Fixed: time.Second, Percent: 101}, "error fault.delay.percentage.value: 101"+percent),
	})
}

func TestValidateCORS(t *testing.T) {
	row := func(name string, c spec.CORS, want ...string) routeRow {
		if c.AllowOrigins == nil {
			c.AllowOrigins = []spec.StringMatch{spec.Exact("https://a.test")}
		}
		return forwarding(name, spec.Route{CORS: &c}, want...)
	}
	age := func(d time.Duration) *time.Duration { return &d }
	const origin = "error corsPolicy.allowOrigins[0]: an origin is missing: exact, prefix or regex is expected"
	runRoutes(t, Options{}, []routeRow{
		row("all", spec.CORS{AllowMethods: []string{"GET", "*"}, AllowHeaders: []string{"*", "x-a"}, ExposeHeaders: []string{"x-b"}, MaxAge: age(24 * time.Hour)}),
		forwarding("no origins", spec.Route{CORS: &spec.CORS{}}, "warning corsPolicy: has no effect: allowOrigins is empty"),
		row("an origin without type", spec.CORS{AllowOrigins: []spec.StringMatch{{}}}, origin),
		row("an empty origin", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("")}}, origin),
		row("an empty prefix", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Prefix("")}}, origin),
		row("a broken regex", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test"), spec.Regex("*")}},
			`error corsPolicy.allowOrigins[1].regex: "*" is not a valid RE2 expression: missing argument to repetition operator: "*"`),
		row("everybody", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("*")}}),
		row("everybody with credentials", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("*")}, AllowCredentials: true},
			`warning corsPolicy.allowOrigins[0]: every site may send requests with the user's credentials, and read the answers: allowCredentials is true and exact "*" allows every origin`),
		row("everybody by regex, with credentials", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex(".*")}, AllowCredentials: true},
			`warning corsPolicy.allowOrigins[0]: every site may send requests with the user's credentials, and read the answers: allowCredentials is true and regex ".*" allows every origin`),
		row("one site with credentials", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test:8443")}, AllowCredentials: true}),
		row("a prefix", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Prefix("https://a.test")}},
			`warning corsPolicy.allowOrigins[0]: prefix "https://a.test" also allows other sites, such as https://a.test.evil.example: use exact, or a prefix that ends with the colon before the port`),
		row("a prefix before the port", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Prefix("http://localhost:")}}),
		row("a prefix without host", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Prefix("https://")}},
			`warning corsPolicy.allowOrigins[0]: prefix "https://" allows every host: any site can have an origin that begins like this`),
		row("a path", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test/")}},
			`warning corsPolicy.allowOrigins[0]: "https://a.test/" allows nobody: an origin has no path; did you mean "https://a.test"?`),
		row("no scheme", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("a.test")}},
			`warning corsPolicy.allowOrigins[0]: "a.test" allows nobody: an origin is a scheme and a host, such as https://example.com`),
		row("upper case", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://A.test")}},
			`warning corsPolicy.allowOrigins[0]: "https://A.test" allows nobody: browsers send origins in lower case; did you mean "https://a.test"?`),
		row("null", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("null")}},
			`warning corsPolicy.allowOrigins[0]: "null" is the origin of every sandboxed document and of files: it allows untrusted sites`),
		row("a bare dot", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex("https://a.test")}},
			`warning corsPolicy.allowOrigins[0]: regex "https://a.test" allows more origins than it seems to: a dot matches any character. Write \. for a literal dot`),
		row("an escaped dot", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex(`https://.*\.a\.test`)}}),
		row("no method", spec.CORS{AllowMethods: []string{"GET", "PSOT"}},
			`error corsPolicy.allowMethods[1]: "PSOT" is not a method: one of GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS, TRACE, or "*", is expected; did you mean "POST"?`),
		row("no header", spec.CORS{AllowHeaders: []string{"x a"}}, `error corsPolicy.allowHeaders[0]: "x a" is not the name of a header`),
		row("no exposed header", spec.CORS{ExposeHeaders: []string{""}}, `error corsPolicy.exposeHeaders[0]: "" is not the name of a header`),
		row("1s", spec.CORS{MaxAge: age(time.Second)}),
		row("0s", spec.CORS{MaxAge: age(0)}, "error corsPolicy.maxAge: 0s is not a valid maxAge: whole seconds, at least 1s, are expected"),
		row("1.5s", spec.CORS{MaxAge: age(1500 * time.Millisecond)}, "error corsPolicy.maxAge: 1.5s is not a valid maxAge: whole seconds, at least 1s, are expected"),
		row("ignoring preflights", spec.CORS{UnmatchedPreflights: spec.UnmatchedPreflightsIgnore}),
		row("no treatment", spec.CORS{UnmatchedPreflights: 2}, "error corsPolicy.unmatchedPreflights: 2 is not a way to handle preflights"),
		forwarding("on POST alone", spec.Route{Match: []spec.Match{{Method: spec.Exact("POST")}}, CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test")}}},
			"warning corsPolicy: answers no preflight: the route matches no OPTIONS request"),
		forwarding("on POST or everything", spec.Route{Match: []spec.Match{{Method: spec.Exact("POST")}, {}}, CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test")}}}),
	})
}
