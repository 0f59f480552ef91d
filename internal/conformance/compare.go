package conformance

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Differences are the actions of a gateway that differ from Istio's, as text.
type Differences []string

func (d *Differences) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

// CompareAnswer compares an answer of the gateway itself.
func (c *Case) CompareAnswer(status int, header http.Header, body string) (d Differences) {
	want := c.Outcome
	if want.Status != status {
		d.add("status: want %d, got %d", want.Status, status)
	}
	if got := header.Get("Location"); want.Location != got {
		d.add("location: want %q, got %q", want.Location, got)
	}
	expected := want.Body
	if c.Request.Method == http.MethodHead {
		expected = ""
	}
	if expected != body {
		d.add("body: want %q, got %q", expected, body)
	}
	d.headers("answer", want.Response, header)
	return d
}

// Backend returns the destination as the name of a backend: "host:port" or
// "host:port/subset".
func (d *Destination) Backend() string {
	name := fmt.Sprintf("%s:%d", d.Host, d.Port)
	if d.Subset != "" {
		name += "/" + d.Subset
	}
	return name
}

// Compare compares the request to the destination and the response header to the
// client.
func (d *Destination) Compare(got *http.Request, response http.Header) (out Differences) {
	if got.Method != d.Request.Method || got.Host != d.Request.Authority || got.RequestURI != d.Request.Path {
		out.add("%s received %s %s %s, want %s %s %s", d.Cluster, got.Method, got.Host, got.RequestURI,
			d.Request.Method, d.Request.Authority, d.Request.Path)
	}
	headers := map[string]string{}
	maps.Copy(headers, d.Request.Headers)
	maps.Copy(headers, d.Request.Envoy)
	out.headers(d.Cluster, headers, got.Header)
	out.others(d.Cluster, headers, got.Header)
	out.headers("response of "+d.Cluster, d.Response, response)
	out.others("response of "+d.Cluster, d.Response, response)
	return out
}

// headers compares the listed headers, joined as FORMAT describes.
func (d *Differences) headers(of string, want map[string]string, got http.Header) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		separator := ","
		if name == "cookie" {
			separator = "; "
		}
		if text := strings.Join(got[http.CanonicalHeaderKey(name)], separator); text != want[name] {
			d.add("%s: header %s: want %q, got %q", of, name, want[name], text)
		}
	}
}

// others reports unexpected headers.
func (d *Differences) others(of string, want map[string]string, got http.Header) {
	for _, name := range slices.Sorted(maps.Keys(got)) {
		name = strings.ToLower(name)
		if _, listed := want[name]; !listed && !addedByItself(name) {
			d.add("%s: header %s should be gone", of, name)
		}
	}
}

// addedByItself reports whether a gateway, or HTTP, adds a header automatically.
func addedByItself(name string) bool {
	return strings.HasPrefix(name, "x-envoy-") || slices.Contains([]string{
		"x-request-id", "x-forwarded-for", "x-forwarded-proto", "server", "date", "content-length", "content-type",
	}, name)
}
