package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// A Discovery finds the endpoints of services and follows their changes: a
// registry, or a cluster's own. It is registered with Builder.Discovery under the
// name that Service.Discovery gives. Watch is called concurrently, for each port
// and each set of labels that destinations select.
//
// A Gateway.Replace keeps what is watched, where neither the Service nor the
// Discovery has changed: it is the same value then, such as one pointer.
type Discovery interface {
	// Watch calls update with all endpoints of a service: with those that there
	// are at once, be it none, and again whenever they have changed, until ctx
	// ends, and returns soon after; Gateway.Close waits for it. It may call update
	// from any goroutine, but not after it has returned.
	//
	// When it returns earlier, with or without an error, it is called again, at
	// first after half a second at most, and later each time up to 30 s until it
	// has called update. Meanwhile requests go to the latest endpoints. The first
	// requests wait for the first ones, for 15 s at most.
	//
	// Neither the service nor the endpoints that update was given may be changed
	// later. Addresses are IP addresses, or sockets as "unix:///run/x.sock"; an
	// endpoint that is not valid is left out, with a warning to Builder.Logger.
	Watch(ctx context.Context, service spec.Service, update func([]spec.Endpoint)) error
}

// discoverable reports a service whose Discovery is not there.
func (c *compiler) discoverable(s *spec.Service) {
	if s.Resolution != spec.ResolveDiscovery || c.o.discoveries[s.Discovery] != nil {
		return
	}
	var known []string
	for name, d := range c.o.discoveries {
		if d != nil && name != "" {
			known = append(known, name)
		}
	}
	slices.Sort(known)
	c.at(s.Origin).field("discovery").suggestf(suggest.Closest(s.Discovery, known), "no discovery is registered as %q", s.Discovery)
}

// describeDiscovery describes the endpoints of a service's port that are discovered
// and have the labels.
func (c *compiler) describeDiscovery(d *upstreamDescription, h *hostService, port int, labels map[string]string) {
	service := *h.parts[0].Service
	service.Namespace = h.namespace
	w := &watch{discovery: c.o.discoveries[service.Discovery], service: service, port: h.port(port), labels: labels, log: c.o.log}
	if w.discovery == nil {
		return // which is an error already
	}
	d.discovery = w.discovery
	d.Discovery = w.run
	// Where it is declared changes nothing.
	service.Origin = spec.Origin{}
	d.identity.line("discovered %+v at %+v with %v", service, *w.port, labels)
}

// A watch follows the endpoints of one service that serve a port and have labels.
type watch struct {
	discovery Discovery
	service   spec.Service
	port      *spec.ServicePort
	labels    map[string]string
	log       *slog.Logger
}

// run is an upstream.Discovery.
func (w *watch) run(ctx context.Context, update func([]upstream.Endpoint)) error {
	err := w.discovery.Watch(ctx, w.service, func(found []spec.Endpoint) { update(w.place(found)) })
	if ctx.Err() == nil {
		w.log.LogAttrs(ctx, slog.LevelWarn, "discovery ended",
			slog.Any("hosts", w.service.Hosts), slog.Int("port", w.port.Number), slog.Any("error", err))
	}
	return err
}

// place returns those endpoints that have the labels, at the port.
func (w *watch) place(found []spec.Endpoint) []upstream.Endpoint {
	out := make([]upstream.Endpoint, 0, len(found))
	for i := range found {
		e := &found[i]
		if !endpointHas(e, w.labels) {
			continue
		}
		if problem := w.problem(e); problem != "" {
			w.log.LogAttrs(context.Background(), slog.LevelWarn, "discovered endpoint left out",
				slog.Any("hosts", w.service.Hosts), slog.Int("port", w.port.Number), slog.String("problem", problem))
			continue
		}
		out = append(out, placed(e, addressAt(e, w.port)))
	}
	return out
}

// problem says what is wrong with a discovered endpoint, or nothing.
func (w *watch) problem(e *spec.Endpoint) string {
	named := e.Ports[w.port.Name]
	switch {
	case !isAddress(e.Address) && !isSocket(e.Address):
		return fmt.Sprintf("%q is not an IP address", e.Address)
	case named != 0 && portProblem(named) != "":
		return portProblem(named)
	case e.Weight < 0:
		return fmt.Sprintf("%d is not a weight, 0 or more is expected", e.Weight)
	}
	return ""
}

// sameDiscovery reports whether two Discoveries, or none, are the same value.
func sameDiscovery(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
