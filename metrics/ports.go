package metrics

import (
	"io"
	"strconv"

	"github.com/lateengo/gateway/observe"
)

// PortFigures are the figures of a port that accepts connections, in the order in which
// WritePorts writes them. Their label is listener.
var PortFigures = []Figure[observe.Port]{
	{"lateen_listener_connections_active", "Connections, without upgraded ones.", false, always(func(p *observe.Port) int64 { return p.Open })},
	{"lateen_listener_requests_active", "Requests in flight, with upgraded connections.", false, always(func(p *observe.Port) int64 { return p.Active })},
	{"lateen_listener_connections_total", "Connections that were accepted.", true, always(func(p *observe.Port) uint64 { return p.Accepted })},
	{"lateen_listener_connections_refused_total", "Connections that were closed at once, because there were too many.", true, always(func(p *observe.Port) uint64 { return p.Refused })},
	{"lateen_listener_connections_refused_per_address_total", "Those of the refused connections that were too many for their address.", true, always(func(p *observe.Port) uint64 { return p.RefusedPerAddress })},
	{"lateen_listener_handshakes_failed_total", "Connections whose TLS handshake failed.", true, always(func(p *observe.Port) uint64 { return p.FailedHandshakes })},
	{"lateen_listener_slow_bodies_total", "Requests whose bodies came too slowly.", true, always(func(p *observe.Port) uint64 { return p.SlowBodies })},
	{"lateen_listener_slow_readers_total", "Responses that clients took too slowly.", true, always(func(p *observe.Port) uint64 { return p.SlowReaders })},
	{"lateen_listener_panics_total", "Requests whose handlers panicked.", true, always(func(p *observe.Port) uint64 { return p.Panics })},
}

// UnreadFigures are the figures of the requests that no handler saw, in the order in which
// WritePorts writes them after PortFigures. Their labels are listener and status.
var UnreadFigures = []Figure[Unread]{
	{"lateen_listener_requests_refused_total", "Requests that no route saw, because they violate HTTP or are above a limit.", true, always(func(u *Unread) uint64 { return u.Count })},
}

// UnreadLabels are the labels of UnreadFigures.
var UnreadLabels = []string{"listener", "status"}

// Unread counts the requests to a listener that no handler saw, with one status.
type Unread struct {
	Listener string
	observe.StatusCount
}

// LabelValues returns the values of UnreadLabels.
func (u *Unread) LabelValues() []string { return []string{u.Listener, strconv.Itoa(u.Status)} }

// UnreadOf returns the requests of ports that no handler saw.
func UnreadOf(ports []observe.Port) (list []Unread) {
	for i := range ports {
		for _, each := range ports[i].Unread {
			list = append(list, Unread{ports[i].Listener, each})
		}
	}
	return list
}

// WritePorts writes the figures of ports in the text format of Prometheus.
// server.Listeners.Ports returns those that are open.
func WritePorts(w io.Writer, ports []observe.Port) error {
	if len(ports) == 0 {
		return nil
	}
	if err := writeFigures(w, PortFigures, ports, []string{"listener"}, named(func(p *observe.Port) string { return p.Listener })); err != nil {
		return err
	}
	return writeFigures(w, UnreadFigures, UnreadOf(ports), UnreadLabels, (*Unread).LabelValues)
}
