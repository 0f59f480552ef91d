// Package envoy reads the routes of an Envoy that istiod configures, as the declarations
// of a gateway. With them, gateway.Gateway.Changes tells where a cluster decides otherwise
// than one's own files: that is lateen compare.
//
//	dump, err := envoy.Read("dump.json", file)
//
// It reads what Envoy answers to /config_dump, and what istioctl proxy-config routes -o
// json and istioctl proxy-config all -o json print. It reads route configs of gateways
// only: http.PORT and https.PORT.NAME.GATEWAY.NAMESPACE.
//
// What istiod writes for every route, such as the default retry policy, becomes the
// default of a declaration. What the package does not understand is never left out
// silently: Dump.Notes lists it, and Dump.Unknown tells of which routes it is not known
// what they do.
package envoy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A Dump is the configuration of one Envoy. It is for one goroutine.
type Dump struct {
	// RouteConfigs are the names of the route configs of gateways, in order.
	RouteConfigs []string
	// Notes are what was not understood, or is not compared, one sentence each.
	Notes []string

	name    string
	configs []*routeConfig
	noted   map[string]bool
	unknown map[routeKey]string
}

// A routeKey identifies a route by its origin.
type routeKey struct{ name, path string }

// A routeConfig is a RouteConfiguration of a gateway.
type routeConfig struct {
	name           string
	port           int
	tls            bool
	portName       string
	gateway, space string
	hosts          []*virtualHost
}

// A virtualHost is one of its virtual hosts.
type virtualHost struct {
	name     string
	domains  []string
	redirect bool
	routes   []spec.Route
}

// Read reads a dump. The name is that of the file, for messages. The error says why the
// text is no dump.
func Read(name string, r io.Reader) (*Dump, error) {
	d := &Dump{name: name, noted: map[string]bool{}, unknown: map[routeKey]string{}}
	decoder := json.NewDecoder(r)
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("%s: it is not JSON: %w", name, readable(err))
	}
	found := 0
	for _, c := range routeConfigs(root) {
		found++
		d.routeConfig(c)
	}
	switch {
	case found == 0:
		return nil, fmt.Errorf("%s: it has no route configs: the answer of Envoy to /config_dump, or the output of istioctl proxy-config routes -o json, is expected", name)
	case len(d.configs) == 0:
		return nil, fmt.Errorf("%s: none of its %d route configs is of a gateway, with a name such as http.80 or https.443.https.gateway.namespace", name, found)
	}
	return d, nil
}

// readable returns a syntax error with its place.
func readable(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("at byte %d: %w", syntax.Offset, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("it ends too early")
	}
	return err
}

// routeConfigs returns all RouteConfigurations.
func routeConfigs(root any) (out []*object) {
	if list, ok := root.([]any); ok {
		for _, v := range list {
			out = append(out, oneRouteConfig(objectOf(v))...)
		}
		return out
	}
	o := objectOf(root)
	if !o.has("configs") {
		return oneRouteConfig(o)
	}
	for _, c := range o.objects("configs") {
		out = append(out, oneRouteConfig(c)...)
	}
	return out
}

// oneRouteConfig returns a RouteConfiguration, or those of a part of a dump.
func oneRouteConfig(o *object) (out []*object) {
	for _, list := range []string{"static_route_configs", "dynamic_route_configs"} {
		for _, c := range o.objects(list) {
			if c.has("route_config") {
				out = append(out, c.object("route_config"))
			}
		}
	}
	switch {
	case len(out) > 0:
	case o.has("route_config"):
		out = append(out, o.object("route_config"))
	case o.has("virtual_hosts"):
		out = append(out, o)
	}
	return out
}

func (d *Dump) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !d.noted[text] {
		d.noted[text] = true
		d.Notes = append(d.Notes, text)
	}
}

func (d *Dump) routeConfig(o *object) {
	c, ok := parseName(o.text("name"))
	if !ok {
		d.note("the route config %s is not of a gateway: it is not compared", o.text("name"))
		return
	}
	for _, other := range d.configs {
		if other.name == c.name {
			d.note("the route config %s is there twice: the first one is compared", c.name)
			return
		}
	}
	o.ignore("validate_clusters", "max_direct_response_body_size_bytes", "ignore_port_in_host_matching", "most_specific_header_mutations_wins")
	broken := headersOf(o)
	for _, h := range o.objects("virtual_hosts") {
		c.hosts = append(c.hosts, d.virtualHost(c, h, broken))
	}
	for _, field := range o.rest() {
		d.note("%s of the route config %s is not understood", field, c.name)
	}
	d.configs = append(d.configs, c)
	d.RouteConfigs = append(d.RouteConfigs, c.name)
}

// headersOf says that a message has header operations for all routes in it, which cannot
// be declared.
func headersOf(o *object) string {
	for _, field := range []string{"request_headers_to_add", "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove"} {
		if len(o.list(field)) > 0 {
			return field + " for several routes is not understood"
		}
	}
	return ""
}

// parseName parses the name that istiod gives to the route config of a gateway.
func parseName(name string) (*routeConfig, bool) {
	c := &routeConfig{name: name}
	kind, rest, _ := strings.Cut(name, ".")
	number, rest, more := strings.Cut(rest, ".")
	port, err := strconv.Atoi(number)
	if err != nil || port <= 0 || port > 65535 {
		return nil, false
	}
	c.port = port
	switch kind {
	case "http":
		return c, !more
	case "https":
		c.tls = true
		last := strings.LastIndexByte(rest, '.')
		if last < 0 {
			return nil, false
		}
		c.space = rest[last+1:]
		c.portName, c.gateway, more = strings.Cut(rest[:last], ".")
		return c, more && c.gateway != "" && c.space != ""
	}
	return nil, false
}

func (d *Dump) virtualHost(c *routeConfig, o *object, broken string) *virtualHost {
	h := &virtualHost{name: o.text("name")}
	for _, domain := range o.texts("domains") {
		domain = withoutPort(domain)
		switch {
		case strings.HasSuffix(domain, "*") && domain != "*":
			d.note("the domain %s of %s is not understood: only wildcards at the beginning are", domain, c.name)
		case !slices.Contains(h.domains, domain):
			h.domains = append(h.domains, domain)
		}
	}
	switch o.text("require_tls") {
	case "", "NONE":
	case "ALL", "EXTERNAL_ONLY":
		h.redirect = true
	}
	o.ignore("include_request_attempt_count", "include_attempt_count_in_response", "include_is_timeout_retry_header", "metadata", "virtual_clusters")
	if len(o.list("rate_limits")) > 0 {
		d.note("rate limits are not compared")
	}
	if own := headersOf(o); own != "" {
		broken = own
	}
	filters := o.object("typed_per_filter_config")
	for _, name := range filters.rest() {
		d.note("%s of %s is not compared", name, h.name)
	}
	for i, r := range o.objects("routes") {
		d.route(c, h, i, r, broken)
	}
	for _, field := range o.rest() {
		d.note("%s of the virtual host %s is not understood", field, h.name)
	}
	return h
}

// withoutPort cuts the port off a domain.
func withoutPort(domain string) string {
	i := strings.LastIndexByte(domain, ':')
	if i < 0 || strings.HasSuffix(domain, "]") {
		return domain
	}
	return domain[:i]
}

// Unknown returns why it is not known what the route with an origin does, or "".
func (d *Dump) Unknown(o spec.Origin) string {
	if o.Kind != kind {
		return ""
	}
	return d.unknown[routeKey{o.Name, o.Path}]
}
