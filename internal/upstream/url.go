package upstream

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// FromURL returns the Config of a backend that is given as a URL:
//
//	http://host:port/base    HTTP/1.1; port 80 if none is given
//	https://host:port/base   HTTP/1.1 over TLS, verified against host; port 443
//	h2c://host:port/base     HTTP/2 with prior knowledge; port 80
//	unix:///path/to.sock     HTTP/1.1 over a Unix socket
//
// A path is the Config's BasePath. A host that is not an IP address is resolved
// by DNS. Anything else in the URL is an error: a user, a query, a fragment.
func FromURL(rawURL string) (Config, error) {
	fail := func(problem string) (Config, error) {
		return Config{}, fmt.Errorf("backend URL %q: %s", rawURL, problem)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		// The error of net/url repeats the URL, which may hold a password.
		return Config{}, fmt.Errorf("backend URL: %w", err.(*url.Error).Err)
	}
	if u.User != nil {
		rawURL = u.Redacted()
		return fail("has a user")
	}
	if u.RawQuery != "" || u.ForceQuery {
		return fail("has a query")
	}
	if u.Fragment != "" || strings.Contains(rawURL, "#") {
		return fail("has a fragment")
	}

	c := Config{Name: rawURL}
	port := "80"
	switch u.Scheme {
	case "http":
	case "https":
		port = "443"
		c.TLS = &tls.Config{ServerName: u.Hostname()}
	case "h2c":
		c.Protocol = HTTP2
	case "unix":
		if u.Host != "" || u.Path == "" || u.Path[0] != '/' {
			return fail("expected unix:///path/to.sock")
		}
		// An address that begins with two slashes names a host in their place.
		c.Endpoints = []Endpoint{{Address: "unix:/" + strings.TrimLeft(u.Path, "/")}}
		return c, nil
	case "":
		return fail("has no scheme: expected http, https, h2c or unix")
	default:
		return fail("scheme " + strconv.Quote(u.Scheme) + ": expected http, https, h2c or unix")
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return fail("has no host")
	}
	if strings.HasSuffix(u.Host, ":") {
		return fail("has a colon without a port")
	}
	if p := u.Port(); p != "" {
		port = p
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		c.Resolution = DNS
	}
	c.Endpoints = []Endpoint{{Address: net.JoinHostPort(u.Hostname(), port)}}
	c.BasePath = strings.TrimRight(u.EscapedPath(), "/")
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("backend URL: %w", err)
	}
	return c, nil
}
