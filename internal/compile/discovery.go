package compile

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// A Discovery finds the endpoints of services and follows their changes. The rules
// are those of gateway.Discovery.
type Discovery interface {
	Watch(ctx context.Context, service spec.Service, update func([]spec.Endpoint)) error
}

// discoverable reports a service without its Discovery.
func (c *Compiler) discoverable(s *spec.Service) {
	if s.Resolution != spec.ResolveDiscovery || c.O.Discoveries[s.Discovery] != nil {
		return
	}
	var known []string
	for name, d := range c.O.Discoveries {
		if d != nil && name != "" {
			known = append(known, name)
		}
	}
	slices.Sort(known)
	c.At(s.Origin).Field("discovery").Suggestf(spec.CodeNotFound, suggest.Closest(s.Discovery, known), "no discovery is registered as %q", s.Discovery)
}

// describeDiscovery describes the discovered endpoints of a service's port that
// have the labels.
func (c *Compiler) describeDiscovery(d *upstreamDescription, h *hostService, port int, labels map[string]string) {
	service := *h.parts[0].Service
	service.Namespace = h.namespace
	w := &Watch{Discovery: c.O.Discoveries[service.Discovery], Service: service, Port: h.port(port), labels: labels, Log: c.O.Log}
	if w.Discovery == nil {
		return // this is already an error
	}
	d.discovery = w.Discovery
	d.Discovery = w.Run
	// The origin of the declaration makes no difference.
	service.Origin = spec.Origin{}
	d.identity.Line("discovered %+v at %+v with %v", service, *w.Port, labels)
}

// A Watch follows the endpoints of one service, for a port and labels.
type Watch struct {
	Discovery Discovery
	Service   spec.Service
	Port      *spec.ServicePort
	labels    map[string]string
	Log       *slog.Logger
}

// Run implements upstream.Discovery.
func (w *Watch) Run(ctx context.Context, update func([]upstream.Endpoint)) error {
	err := w.Discovery.Watch(ctx, w.Service, func(found []spec.Endpoint) { update(w.Place(found)) })
	if ctx.Err() == nil {
		w.Log.LogAttrs(ctx, slog.LevelWarn, "discovery ended",
			slog.Any("hosts", w.Service.Hosts), slog.Int("port", w.Port.Number), slog.Any("error", err))
	}
	return err
}

// Place returns the endpoints with the labels, at the port.
func (w *Watch) Place(found []spec.Endpoint) []upstream.Endpoint {
	out := make([]upstream.Endpoint, 0, len(found))
	for i := range found {
		e := &found[i]
		if !resource.EndpointHas(e, w.labels) {
			continue
		}
		if problem := w.problem(e); problem != "" {
			w.Log.LogAttrs(context.Background(), slog.LevelWarn, "discovered endpoint left out",
				slog.Any("hosts", w.Service.Hosts), slog.Int("port", w.Port.Number), slog.String("problem", problem))
			continue
		}
		out = append(out, placed(e, resource.AddressAt(e, w.Port)))
	}
	return out
}

// problem returns why a discovered endpoint is invalid, or "".
func (w *Watch) problem(e *spec.Endpoint) string {
	named := e.Ports[w.Port.Name]
	switch {
	case !resource.IsAddress(e.Address) && !resource.IsSocket(e.Address):
		return fmt.Sprintf("%q is not an IP address", e.Address)
	case named != 0 && resource.PortProblem(named) != "":
		return resource.PortProblem(named)
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
