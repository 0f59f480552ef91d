package program

import (
	"net/http"

	"github.com/lateengo/gateway/internal/doubt"
)

// An Outcome is the result of routing a request, before any route acts on it.
type Outcome uint8

const (
	OutcomeRoute Outcome = iota
	OutcomeNoServer
	OutcomeNoHost
	OutcomeNoRoute
	OutcomeBlackhole
	OutcomeHTTPSRedirect
	outcomeBadPath
	outcomeBadHost
	outcomeHTTP10
	outcomeWrongScheme
	outcomeBadUpgrade
	outcomeBadConnection
	outcomeBadScheme
	outcomeUpgradeWithBody
	outcomeBadQuery
	outcomeNominated
	outcomeTrace
	outcomeLongMethod
	outcomeManyFields
	outcomeUnderscore
	outcomeTrickyPath
	outcomeMalformed
)

// status is the answer to an outcome without a route.
func (o Outcome) status() int {
	switch o {
	case OutcomeNoServer, OutcomeNoHost, OutcomeNoRoute, OutcomeBlackhole:
		return http.StatusNotFound
	case OutcomeHTTPSRedirect:
		return http.StatusMovedPermanently
	case outcomeBadPath, outcomeBadHost, outcomeBadConnection, outcomeBadScheme, outcomeUpgradeWithBody,
		outcomeBadQuery, outcomeNominated, outcomeUnderscore, outcomeTrickyPath, outcomeMalformed:
		return http.StatusBadRequest
	case outcomeTrace:
		return http.StatusMethodNotAllowed
	case outcomeLongMethod:
		return http.StatusNotImplemented
	case outcomeManyFields:
		return http.StatusRequestHeaderFieldsTooLarge
	case outcomeHTTP10:
		return http.StatusUpgradeRequired
	case outcomeWrongScheme, outcomeBadUpgrade:
		return http.StatusForbidden
	}
	return 0
}

// Reason describes the outcome for people.
func (o Outcome) Reason() string {
	return [...]string{
		"", "no listener", "no virtual host", "no route", "no route: blackhole, no VirtualService is bound here", "httpsRedirect", "path normalization failed",
		"malformed host", "HTTP/1.0", "https on a plain-text connection", "upgrade not allowed",
		"malformed Connection header", "scheme other than http and https", "upgrade with a body",
		"a query that can be read in several ways, and a route asks for its parameters", "a Connection header that names a header for which a route asks",
		"TRACE (strict)", "a method of more than 32 bytes (strict)", "too many header fields (strict)", "a header name with an underscore (strict)",
		"a path that can be read in several ways (strict)", "malformed HTTP/2 request",
	}[o]
}

// Doubt returns why a virtual host refuses requests with a query and a Connection header for
// what its routes ask for, or OutcomeRoute.
func (p *Program) Doubt(h *VirtualHost, query string, connection []string) Outcome {
	switch {
	case h.parameters != nil && !doubt.HasOneReading(query, h.parameters):
		return outcomeBadQuery
	case len(connection) > 0 && p.Semantics.RefusesNominated() && h.asksNominated(connection):
		return outcomeNominated
	}
	return OutcomeRoute
}

// IsDoubt reports whether a request is refused for what the routes of its virtual host ask
// for: others could read it in another way.
func (o Outcome) IsDoubt() bool { return o == outcomeBadQuery || o == outcomeNominated }
