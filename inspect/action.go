package inspect

import (
	"encoding/json"
	"time"
)

// A HeaderOperation changes a header of a request or a response.
type HeaderOperation struct {
	// Kind is "remove", "set" or "add".
	Kind string `json:"kind"`
	// Name is in lower case.
	Name string `json:"name"`
	// Value is the declared value, with its operators.
	Value string `json:"value,omitempty"`
}

// A Redirect is the redirect that a route answers with. Empty fields stay as the request
// has them.
type Redirect struct {
	Code      int    `json:"code"`
	Scheme    string `json:"scheme,omitempty"`
	Authority string `json:"authority,omitempty"`
	Port      int    `json:"port,omitempty"`
	// URI replaces the path, and PrefixRewrite the matched part of the path.
	URI           string `json:"uri,omitempty"`
	PrefixRewrite string `json:"prefixRewrite,omitempty"`
}

// A DirectResponse is the fixed response of a route.
type DirectResponse struct {
	Status int `json:"status"`
	// Bytes is the length of the body.
	Bytes int `json:"bytes"`
}

// A Rewrite changes the path of the request to the destination.
type Rewrite struct {
	// URI replaces the matched part of the path.
	URI string `json:"uri,omitempty"`
	// Regex is the expression that Replacement replaces.
	Regex       string `json:"regex,omitempty"`
	Replacement string `json:"replacement,omitempty"`
	// Authority replaces the Host header.
	Authority string `json:"authority,omitempty"`
}

// A Retry is a retry policy.
type Retry struct {
	Attempts      int           `json:"attempts"`
	On            []string      `json:"on"`
	Codes         []int         `json:"codes,omitempty"`
	PerTryTimeout time.Duration `json:"perTryTimeout,omitempty"`
	// AvoidSameHost reports whether retries avoid hosts that were already tried.
	AvoidSameHost bool `json:"avoidSameHost,omitempty"`
}

// A Mirror receives copies of requests.
type Mirror struct {
	Cluster string  `json:"cluster"`
	Percent float64 `json:"percent"`
	Missing bool    `json:"missing,omitempty"`
	// Reason is why the copies have no backend, as text.
	Reason string `json:"reason,omitempty"`
}

// A Fault may be injected into requests.
type Fault struct {
	Delay        time.Duration `json:"delay,omitempty"`
	DelayPercent float64       `json:"delayPercent,omitempty"`
	AbortStatus  int           `json:"abortStatus,omitempty"`
	// GRPCStatus is the code for gRPC clients. Other clients get AbortStatus.
	GRPCStatus   int     `json:"grpcStatus,omitempty"`
	AbortPercent float64 `json:"abortPercent,omitempty"`
}

// A CORS is the CORS policy of a route.
type CORS struct {
	// Origins are the allowed origins as text, such as: exact "https://shop.test".
	Origins []string `json:"origins,omitempty"`
	// Methods, Headers and Expose are as they are sent.
	Methods string `json:"methods,omitempty"`
	Headers string `json:"headers,omitempty"`
	Expose  string `json:"expose,omitempty"`
	// MaxAge is in seconds, as text.
	MaxAge      string `json:"maxAge,omitempty"`
	Credentials bool   `json:"credentials,omitempty"`
	// IgnoresUnmatched means that preflights from other origins are answered too,
	// without the headers that allow them.
	IgnoresUnmatched bool `json:"ignoresUnmatched,omitempty"`
}

// MarshalJSON writes durations as text, such as "1.5s".
func (r Retry) MarshalJSON() ([]byte, error) {
	type plain Retry
	return json.Marshal(struct {
		plain
		PerTryTimeout durationText `json:"perTryTimeout,omitempty"`
	}{plain(r), durationText(r.PerTryTimeout)})
}

// MarshalJSON writes durations as text, such as "1.5s".
func (f Fault) MarshalJSON() ([]byte, error) {
	type plain Fault
	return json.Marshal(struct {
		plain
		Delay durationText `json:"delay,omitempty"`
	}{plain(f), durationText(f.Delay)})
}

// A durationText is a duration that JSON shows as text.
type durationText time.Duration

func (d durationText) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
