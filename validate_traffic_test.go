package gateway

import (
	"math"
	"testing"
	"time"
)

func TestValidateRetry(t *testing.T) {
	row := func(name string, r Retry, want ...string) routeRow {
		return forwarding(name, Route{Retry: &r}, want...)
	}
	const idle = "error retries.attempts: there are no retries, but perTryTimeout, retryOn or retryRemoteLocalities is given"
	runRoutes(t, validation{}, []routeRow{
		row("none", Retry{}),
		row("some", Retry{Attempts: 3, PerTryTimeout: time.Millisecond, On: []string{"5xx", "503", "unavailable"}}),
		row("fewer than none", Retry{Attempts: -1}, "error retries.attempts: -1 is not a number of retries, 0 or more is expected"),
		row("none with a timeout", Retry{PerTryTimeout: time.Second}, idle),
		row("none on conditions", Retry{On: []string{"5xx"}}, idle),
		row("none elsewhere", Retry{RemoteLocalities: true}, idle),
		row("below a millisecond", Retry{Attempts: 1, PerTryTimeout: 999 * time.Microsecond},
			"error retries.perTryTimeout: 999µs is too short, 1ms or more is expected"),
		row("between milliseconds", Retry{Attempts: 1, Backoff: 1500 * time.Microsecond},
			"error retries.backoff: 1.5ms is too precise, whole milliseconds are expected"),
		row("a space", Retry{Attempts: 1, On: []string{"503", " 429"}},
			`error retries.retryOn: " 429" is no condition for a retry: spaces count; did you mean "429"?`),
		row("a misspelling", Retry{Attempts: 1, On: []string{"gateway_errors"}},
			`error retries.retryOn: "gateway_errors" is no condition for a retry: one of Envoy's or an HTTP status is expected; did you mean "gateway-error"?`),
		row("no status", Retry{Attempts: 1, On: []string{"299"}},
			`error retries.retryOn: "299" is no condition for a retry: one of Envoy's or an HTTP status is expected`),
		row("an empty word", Retry{Attempts: 1, On: []string{""}},
			`error retries.retryOn: "" is no condition for a retry: one of Envoy's or an HTTP status is expected`),
		row("headers without a list", Retry{Attempts: 1, On: []string{"retriable-headers"}},
			`warning retries.retryOn: "retriable-headers" never retries: no headers can be listed`),
		forwarding("a try as long as all", Route{Timeout: time.Second, Retry: &Retry{Attempts: 1, PerTryTimeout: time.Second}},
			"warning retries.perTryTimeout: has no effect: 1s is not less than the route's timeout, 1s"),
		forwarding("a try shorter than all", Route{Timeout: time.Second, Retry: &Retry{Attempts: 1, PerTryTimeout: 999 * time.Millisecond}}),
	})
}

func TestValidateTimeout(t *testing.T) {
	runRoutes(t, validation{}, []routeRow{
		forwarding("none", Route{}),
		forwarding("1ms", Route{Timeout: time.Millisecond}),
		forwarding("negative", Route{Timeout: -time.Second}, "error timeout: -1s is too short, 1ms or more is expected"),
		forwarding("1ns", Route{Timeout: 1}, "error timeout: 1ns is too short, 1ms or more is expected"),
		forwarding("1.0001s", Route{Timeout: time.Second + 100*time.Microsecond}, "error timeout: 1.0001s is too precise, whole milliseconds are expected"),
	})
}

func TestValidateFault(t *testing.T) {
	abort := func(name string, a FaultAbort, want ...string) routeRow {
		return forwarding(name, Route{Fault: &Fault{Abort: &a}}, want...)
	}
	delay := func(name string, d FaultDelay, want ...string) routeRow {
		return forwarding(name, Route{Fault: &Fault{Delay: &d}}, want...)
	}
	const percent = " is not a percentage, 0 or 0.0001 to 100 is expected"
	runRoutes(t, validation{}, []routeRow{
		forwarding("nothing", Route{Fault: &Fault{}}, "error fault: the fault does nothing: a delay or an abort is expected"),
		abort("200", FaultAbort{HTTPStatus: 200, Percent: 100}),
		abort("599", FaultAbort{HTTPStatus: 599, Percent: 0.0001}),
		abort("199", FaultAbort{HTTPStatus: 199, Percent: 1}, "error fault.abort.httpStatus: 199 is not a status to answer with, 200 to 599 is expected"),
		abort("600", FaultAbort{HTTPStatus: 600, Percent: 1}, "error fault.abort.httpStatus: 600 is not a status to answer with, 200 to 599 is expected"),
		abort("gRPC", FaultAbort{GRPCStatus: "UNAVAILABLE", Percent: 1}),
		abort("gRPC in lower case", FaultAbort{GRPCStatus: "unavailable", Percent: 1},
			`error fault.abort.grpcStatus: "unavailable" is not the name of a gRPC status; did you mean "UNAVAILABLE"?`),
		abort("gRPC by number", FaultAbort{GRPCStatus: "14", Percent: 1}, `error fault.abort.grpcStatus: "14" is not the name of a gRPC status`),
		abort("both", FaultAbort{HTTPStatus: 500, GRPCStatus: "UNAVAILABLE", Percent: 1}, "error fault.abort: httpStatus and grpcStatus exclude each other"),
		abort("neither", FaultAbort{Percent: 1}, "warning fault.abort: has no effect: neither httpStatus nor grpcStatus is given [IST0133]"),
		abort("no percentage", FaultAbort{HTTPStatus: 500}, "warning fault.abort: never happens: the percentage is 0, as it is where none is given"),
		abort("too little", FaultAbort{HTTPStatus: 500, Percent: 0.00009}, "error fault.abort.percentage.value: 9e-05"+percent),
		abort("too much", FaultAbort{HTTPStatus: 500, Percent: 100.01}, "error fault.abort.percentage.value: 100.01"+percent),
		abort("negative", FaultAbort{HTTPStatus: 500, Percent: -1}, "error fault.abort.percentage.value: -1"+percent),
		abort("no number", FaultAbort{HTTPStatus: 500, Percent: math.NaN()}, "error fault.abort.percentage.value: NaN"+percent),
		delay("5s", FaultDelay{Fixed: 5 * time.Second, Percent: 50}),
		delay("no time", FaultDelay{Percent: 50}, "error fault.delay.fixedDelay: the delay is missing"),
		delay("less than 1ms", FaultDelay{Fixed: time.Microsecond, Percent: 50}, "error fault.delay.fixedDelay: 1µs is too short, 1ms or more is expected"),
		delay("never", FaultDelay{Fixed: time.Second}, "warning fault.delay: never happens: the percentage is 0, as it is where none is given"),
		delay("more than always", FaultDelay{Fixed: time.Second, Percent: 101}, "error fault.delay.percentage.value: 101"+percent),
	})
}

func TestValidateCORS(t *testing.T) {
	row := func(name string, c CORS, want ...string) routeRow {
		if c.AllowOrigins == nil {
			c.AllowOrigins = []StringMatch{Exact("https://a.test")}
		}
		return forwarding(name, Route{CORS: &c}, want...)
	}
	age := func(d time.Duration) *time.Duration { return &d }
	const origin = "error corsPolicy.allowOrigins[0]: an origin is missing: exact, prefix or regex is expected"
	runRoutes(t, validation{}, []routeRow{
		row("all", CORS{AllowMethods: []string{"GET", "*"}, AllowHeaders: []string{"*", "x-a"}, ExposeHeaders: []string{"x-b"}, MaxAge: age(24 * time.Hour)}),
		forwarding("no origins", Route{CORS: &CORS{}}, "warning corsPolicy: has no effect: allowOrigins is empty"),
		row("an origin without type", CORS{AllowOrigins: []StringMatch{{}}}, origin),
		row("an empty origin", CORS{AllowOrigins: []StringMatch{Exact("")}}, origin),
		row("an empty prefix", CORS{AllowOrigins: []StringMatch{Prefix("")}}, origin),
		row("a broken regex", CORS{AllowOrigins: []StringMatch{Exact("https://a.test"), Regex("*")}},
			`error corsPolicy.allowOrigins[1].regex: "*" is not a valid RE2 expression: missing argument to repetition operator: "*"`),
		row("no method", CORS{AllowMethods: []string{"GET", "PSOT"}},
			`error corsPolicy.allowMethods[1]: "PSOT" is not a method: one of GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS, TRACE, or "*", is expected; did you mean "POST"?`),
		row("no header", CORS{AllowHeaders: []string{"x a"}}, `error corsPolicy.allowHeaders[0]: "x a" is not the name of a header`),
		row("no exposed header", CORS{ExposeHeaders: []string{""}}, `error corsPolicy.exposeHeaders[0]: "" is not the name of a header`),
		row("1s", CORS{MaxAge: age(time.Second)}),
		row("0s", CORS{MaxAge: age(0)}, "error corsPolicy.maxAge: 0s is not an age for preflights: whole seconds, at least 1s, are expected"),
		row("1.5s", CORS{MaxAge: age(1500 * time.Millisecond)}, "error corsPolicy.maxAge: 1.5s is not an age for preflights: whole seconds, at least 1s, are expected"),
		row("ignoring preflights", CORS{UnmatchedPreflights: IgnorePreflights}),
		row("no treatment", CORS{UnmatchedPreflights: 2}, "error corsPolicy.unmatchedPreflights: 2 is not a treatment of preflights"),
		forwarding("on POST alone", Route{Match: []Match{{Method: Exact("POST")}}, CORS: &CORS{AllowOrigins: []StringMatch{Exact("https://a.test")}}},
			"warning corsPolicy: answers no preflight: the route takes no OPTIONS request"),
		forwarding("on POST or everything", Route{Match: []Match{{Method: Exact("POST")}, {}}, CORS: &CORS{AllowOrigins: []StringMatch{Exact("https://a.test")}}}),
	})
}
