package admin

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// A view is what the status page shows.
type view struct {
	Generation uint64
	Built      time.Time
	Semantics  string
	Uptime     time.Duration
	// Total are the figures of all requests.
	Total Figures
	// Unmatched are those of requests without a route.
	Unmatched Figures
	Ports     []server.Port
	// Load is that of all routes.
	Load    observe.Load
	Dropped uint64
	// Certificates are those that TLS servers show.
	Certificates []observe.Certificate
	// Limiters are the shared limiters.
	Limiters []observe.Limiter
	Warnings []spec.Warning
	// Failures are the errors of a configuration that was not taken over at FailedAt.
	Failures []string
	FailedAt time.Time
	// Routes is the page of routes that was asked for, of Found that match Query,
	// of All. Query is a text that the route must have.
	Routes []routeView
	Splits []splitView
	Query  string
	// Paused means that the page does not refresh itself.
	Paused     bool
	All, Found int
	Page, Last int
	// Measures means that there are figures.
	Measures bool
	Window   time.Duration
}

// A routeView is a route with its figures.
type routeView struct {
	Listener, Table, Host string
	observe.Route
	Own          Figures
	Destinations []destinationView
}

// A destinationView is a destination with its figures.
type destinationView struct {
	observe.RouteDestination
	Figures
	// Promised is the declared share, and Observed the real one with its
	// uncertainty. Errors is the share of failures.
	Promised         float64
	Observed, Errors interval
}

// pageSize is the number of routes on a page.
const pageSize = 100

// view returns what a request asks to see.
func (p *Pages) view(r *http.Request) *view {
	status := p.gateway.Status()
	now, before := p.samples()
	v := &view{
		Generation: status.Generation, Built: status.Built, Semantics: status.Semantics, Uptime: now.at.Sub(p.started.at).Truncate(time.Second),
		Load: status.Load, Warnings: p.gateway.Warnings(), Query: strings.TrimSpace(r.FormValue("q")), Paused: r.FormValue("pause") != "" || r.FormValue("q") != "", Measures: p.config.Metrics != nil, Window: now.at.Sub(before.at).Truncate(time.Second),
	}
	if p.config.Listeners != nil {
		v.Ports, v.Certificates = p.config.Listeners.Ports(), p.config.Listeners.Certificates()
	}
	v.FailedAt, v.Failures = p.failures()
	v.Limiters = p.gateway.Limiters()
	if p.config.AccessLog != nil {
		v.Dropped = p.config.AccessLog.Dropped()
	}
	for k := range now.series {
		f := figures(now, before, k)
		v.Total.add(f)
		if k.service == "" {
			v.Unmatched.add(f)
		}
	}
	v.Page, _ = strconv.Atoi(r.FormValue("page"))
	v.Page = max(v.Page, 1)
	query := strings.ToLower(v.Query)
	// Only the routes of the page are worked out.
	for _, l := range status.Listeners {
		for _, t := range l.Tables {
			for _, h := range t.Hosts {
				for i := range h.Routes {
					route := &h.Routes[i]
					v.All++
					if query != "" && !strings.Contains(strings.ToLower(haystack(h.Domain, route)), query) {
						continue
					}
					v.Found++
					split := len(route.Destinations) > 1 && len(v.Splits) < pageSize
					if !split && (v.Found <= (v.Page-1)*pageSize || v.Found > v.Page*pageSize) {
						continue
					}
					shown := routeOf(l.Name, t.Name, h.Domain, route, now, before)
					if split && v.Measures {
						if s, ok := splitOf(&shown); ok {
							v.Splits = append(v.Splits, s)
						}
					}
					if v.Found > (v.Page-1)*pageSize && v.Found <= v.Page*pageSize {
						v.Routes = append(v.Routes, shown)
					}
				}
			}
		}
	}
	v.Last = max(1, (v.Found+pageSize-1)/pageSize)
	return v
}

// haystack is the text of a route that a query looks for.
func haystack(domain string, r *observe.Route) string {
	text := domain + " " + r.VirtualService + " " + r.Name + " " + r.Match + " " + r.Action
	for i := range r.Destinations {
		text += " " + r.Destinations[i].Cluster
	}
	return text
}

func routeOf(listener, table, host string, r *observe.Route, now, before sample) routeView {
	v := routeView{Listener: listener, Table: table, Host: host, Route: *r}
	v.Own = figures(now, before, seriesKey{listener, r.VirtualService, r.Name, ""})
	for i := range r.Destinations {
		d := &r.Destinations[i]
		f := figures(now, before, seriesKey{listener, r.VirtualService, r.Name, d.Cluster})
		v.Own.add(f)
		v.Destinations = append(v.Destinations, destinationView{RouteDestination: *d, Figures: f, Promised: float64(d.Weight) / float64(d.Total)})
	}
	var total uint64
	for i := range v.Destinations {
		total += v.Destinations[i].Requests
	}
	for i := range v.Destinations {
		d := &v.Destinations[i]
		d.Observed, d.Errors = shareOf(d.Requests, total), shareOf(d.Failures, d.Requests)
	}
	return v
}

func (p *Pages) status(w http.ResponseWriter, r *http.Request) {
	var page bytes.Buffer
	if err := statusPage.Execute(&page, p.view(r)); err != nil {
		plain(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}

// failures returns why the latest configuration was not taken over, and when.
func (p *Pages) failures() (at time.Time, problems []string) {
	if p.config.Failed == nil {
		return at, nil
	}
	at, err := p.config.Failed()
	for e := range spec.Errors(err) {
		problems = append(problems, e.Error())
	}
	if err != nil && len(problems) == 0 {
		problems = []string{err.Error()}
	}
	return at, problems
}

// A statusDocument is /status.json.
type statusDocument struct {
	observe.Status
	Uptime   string            `json:"Uptime"`
	Total    Figures           `json:"Total"`
	Ports    []portFigures     `json:"Ports"`
	Limiters []observe.Limiter `json:"Limiters,omitempty"`
	// Certificates are those that TLS servers show.
	Certificates []observe.Certificate `json:"Certificates,omitempty"`
	Warnings     []string              `json:"Warnings"`
	// Failures are the errors of a configuration that was not taken over at FailedAt.
	Failures []string      `json:"Failures,omitempty"`
	FailedAt *time.Time    `json:"FailedAt,omitempty"`
	Figures  []routeFigure `json:"Figures"`
}

type portFigures struct {
	Number           int
	Bind, Address    string
	TLS              bool
	Accepted         uint64
	FailedHandshakes uint64
	Panics           uint64
	Refused          uint64
	// RefusedPerAddress are those of Refused that were too many for their address.
	RefusedPerAddress uint64
	SlowBodies        uint64
	SlowReaders       uint64
	Open, Active      int64
	// Unread are the requests that no route saw, by the status of the answer.
	Unread []observe.StatusCount `json:"Unread,omitempty"`
}

type routeFigure struct {
	Listener, VirtualService, Route, Destination string
	Figures
}

func (p *Pages) statusJSON(w http.ResponseWriter, r *http.Request) {
	now, before := p.samples()
	d := statusDocument{Figures: []routeFigure{}, Ports: []portFigures{}, Status: p.gateway.Status(), Limiters: p.gateway.Limiters(), Uptime: now.at.Sub(p.started.at).Truncate(time.Second).String(), Warnings: []string{}}
	for k := range now.series {
		f := figures(now, before, k)
		d.Total.add(f)
		d.Figures = append(d.Figures, routeFigure{k.listener, k.service, k.route, k.cluster, f})
	}
	sortFigures(d.Figures)
	if p.config.Listeners != nil {
		for _, port := range p.config.Listeners.Ports() {
			d.Ports = append(d.Ports, portFigures{port.Number, port.Bind, port.Addr.String(), port.TLS, port.Accepted, port.FailedHandshakes, port.Panics, port.Refused, port.RefusedPerAddress, port.SlowBodies, port.SlowReaders, port.Open, port.Active, port.Unread})
		}
	}
	if p.config.Listeners != nil {
		d.Certificates = p.config.Listeners.Certificates()
	}
	for _, warning := range p.gateway.Warnings() {
		d.Warnings = append(d.Warnings, warning.String())
	}
	if at, problems := p.failures(); problems != nil {
		d.Failures, d.FailedAt = problems, &at
	}
	writeJSON(w, http.StatusOK, d)
}
