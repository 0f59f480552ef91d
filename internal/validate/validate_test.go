package validate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

// validated returns the findings of validate in order: "error …" and "warning …".
func validated(d spec.Declarations, o Options) []string {
	if o.DefaultNamespace == "" {
		o.DefaultNamespace = "default"
	}
	var f findings.List
	All(&d, o, &f)
	found := make([]string, 0, len(f.Errors)+len(f.Warnings))
	for _, e := range f.Errors {
		found = append(found, "error "+e.Error())
	}
	for _, w := range f.Warnings {
		found = append(found, "warning "+w.String())
	}
	return found
}

// shop is a VirtualService with the routes, and its server.
func shop(routes ...spec.Route) spec.Declarations {
	return spec.Declarations{
		Servers:         []spec.Server{{Gateway: "gw", Port: 80, Hosts: []string{"*"}}},
		VirtualServices: []spec.VirtualService{{Name: "shop", Hosts: []string{"shop.test"}, Gateways: []string{"gw"}, Routes: routes}},
	}
}

var toCart = []spec.Destination{{Host: "cart"}}

// A routeRow is a route and its findings, without the text before the fields of the
// route.
type routeRow struct {
	name  string
	route spec.Route
	want  []string
}

func runRoutes(t *testing.T, o Options, rows []routeRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var found []string
			for _, line := range validated(shop(row.route), o) {
				kind, text, ok := strings.Cut(line, " VirtualService default/shop: http[0]")
				require.True(t, ok, line)
				text = strings.TrimPrefix(strings.TrimPrefix(text, "."), ": ")
				found = append(found, kind+" "+text)
			}
			require.Equal(t, row.want, found)
		})
	}
}

// forwarding is a row for a route with a destination.
func forwarding(name string, r spec.Route, want ...string) routeRow {
	r.Destinations = toCart
	return routeRow{name, r, want}
}

func TestValidateAcceptsWhatIsRight(t *testing.T) {
	require.Empty(t, validated(spec.Declarations{}, Options{}))
	require.Empty(t, validated(shop(spec.Route{Destinations: toCart}), Options{}))
	require.Empty(t, validated(spec.Declarations{
		VirtualServices: []spec.VirtualService{{Hosts: []string{"*"}, Routes: []spec.Route{{Destinations: toCart}}}},
	}, Options{}), "without a server every VirtualService is served")
}

func TestFindingsHaveTheOriginOfTheDeclaration(t *testing.T) {
	d := shop(spec.Route{Destinations: []spec.Destination{{}}}, spec.Route{
		Destinations: []spec.Destination{{}},
		Origin:       spec.Origin{File: "routes.go", Line: 12, Kind: "VirtualService", Name: "shop", Namespace: "prod", Path: "spec.http[7]"},
	}, spec.Route{
		Match:        []spec.Match{{Port: 70000}},
		Destinations: toCart,
		Origin:       spec.Origin{File: "main.go", Line: 3},
	})
	d.VirtualServices[0].Origin = spec.Origin{File: "shop.yaml", Line: 4, Column: 1, Kind: "VirtualService", Namespace: "prod", Name: "shop", Path: "spec"}
	d.VirtualServices[0].Namespace = "prod"
	d.VirtualServices[0].Gateways = []string{"default/gw"}
	require.Equal(t, []string{
		"error shop.yaml:4:1: VirtualService prod/shop: spec.http[0].route[0].destination.host: the host of the destination is missing",
		"error routes.go:12: VirtualService prod/shop: spec.http[7].route[0].destination.host: the host of the destination is missing",
		"error main.go:3: VirtualService prod/shop: match[0].port: 70000 is not a port, 1 to 65535 is expected",
		"warning routes.go:12: VirtualService prod/shop: spec.http[7]: is never reached: earlier routes match all of its requests: http[0] [IST0130]",
		"warning main.go:3: VirtualService prod/shop: is never reached: earlier routes match all of its requests: http[0] [IST0130]",
	}, validated(d, Options{}))
}

func TestValidateReportsDuplicates(t *testing.T) {
	vs := func(namespace, name, host, file string, line int) spec.VirtualService {
		return spec.VirtualService{
			Namespace: namespace, Name: name, Hosts: []string{host}, Routes: []spec.Route{{Destinations: toCart}},
			Origin: spec.Origin{File: file, Line: line},
		}
	}
	tests := []struct {
		name string
		d    spec.Declarations
		want []string
	}{
		{"one name, one namespace", spec.Declarations{VirtualServices: []spec.VirtualService{vs("a", "x", "a.test", "a.yaml", 1), vs("a", "x", "b.test", "b.yaml", 9)}},
			[]string{"error b.yaml:9: VirtualService a/x: VirtualService a/x is declared twice: first at a.yaml:1"}},
		{"the default namespace is a namespace", spec.Declarations{VirtualServices: []spec.VirtualService{vs("default", "x", "a.test", "a.yaml", 1), vs("", "x", "b.test", "b.yaml", 0)}},
			[]string{"error b.yaml: VirtualService default/x: VirtualService default/x is declared twice: first at a.yaml:1"}},
		{"other namespaces", spec.Declarations{VirtualServices: []spec.VirtualService{vs("a", "x", "a.test", "a.yaml", 1), vs("b", "x", "b.test", "b.yaml", 9)}}, []string{}},
		{"without a name", spec.Declarations{VirtualServices: []spec.VirtualService{vs("a", "", "a.test", "a.yaml", 1), vs("a", "", "b.test", "b.yaml", 9)}}, []string{}},
		{"without a place", spec.Declarations{DestinationRules: []spec.DestinationRule{{Name: "x", Host: "a"}, {Name: "x", Host: "b"}}},
			[]string{"error DestinationRule default/x: DestinationRule default/x is declared twice"}},
		{"other kinds", spec.Declarations{
			VirtualServices:  []spec.VirtualService{vs("a", "x", "a.test", "a.yaml", 1)},
			DestinationRules: []spec.DestinationRule{{Namespace: "a", Name: "x", Host: "b"}},
		}, []string{}},
		{"two Gateways of one name", spec.Declarations{Servers: []spec.Server{
			{Gateway: "gw", Port: 80, Hosts: []string{"a.test"}, Origin: spec.Origin{File: "a.yaml", Line: 5, Path: "spec.servers[0]"}},
			{Gateway: "gw", Port: 81, Hosts: []string{"b.test"}, Origin: spec.Origin{File: "a.yaml", Line: 25, Path: "spec.servers[0]"}},
		}}, []string{"error a.yaml:25: Gateway default/gw: spec.servers[0]: Gateway default/gw is declared twice: first at a.yaml:5"}},
		{"two servers of one Gateway", spec.Declarations{Servers: []spec.Server{
			{Gateway: "gw", Port: 80, Hosts: []string{"a.test"}, Origin: spec.Origin{File: "a.yaml", Line: 5, Path: "spec.servers[0]"}},
			{Gateway: "gw", Port: 81, Hosts: []string{"b.test"}, Origin: spec.Origin{File: "a.yaml", Line: 8, Path: "spec.servers[1]"}},
		}}, []string{}},
		{"two servers of one Gateway, in Go", spec.Declarations{Servers: []spec.Server{
			{Gateway: "gw", Port: 80, Hosts: []string{"a.test"}}, {Gateway: "gw", Port: 81, Hosts: []string{"b.test"}},
		}}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, validated(tt.d, Options{}))
		})
	}
}

func TestValidateExportTo(t *testing.T) {
	tests := []struct {
		list  []string
		entry bool // of a ServiceEntry
		want  []string
	}{
		{list: []string{"*"}},
		{list: []string{"."}},
		{list: []string{"a", "b", "."}},
		{list: []string{"~"}, entry: true},
		{list: []string{"~"}, want: []string{`exportTo[0]: "~" is neither "*", "." nor the name of a namespace`}},
		{list: []string{"~", "a"}, entry: true, want: []string{`exportTo[0]: "~" means no namespace and must be the only entry, but the list has 2 entries`}},
		{list: []string{"a", "*"}, want: []string{`exportTo[1]: "*" means every namespace and must be the only entry, but the list has 2 entries`}},
		{list: []string{"a", "b", "a"}, want: []string{`exportTo[2]: the namespace "a" is listed twice`}},
		{list: []string{".", "prod"}, want: []string{`exportTo[1]: the namespace "prod" is listed twice`}},
		{list: []string{"not_one"}, want: []string{`exportTo[0]: "not_one" is neither "*", "." nor the name of a namespace`}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.list, " "), func(t *testing.T) {
			d, prefix := spec.Declarations{DestinationRules: []spec.DestinationRule{{Name: "x", Namespace: "prod", Host: "a", ExportTo: tt.list}}}, "error DestinationRule prod/x: "
			if tt.entry {
				d, prefix = spec.Declarations{Services: []spec.Service{{
					Name: "x", Namespace: "prod", Hosts: []string{"a.test"}, ExportTo: tt.list, Resolution: spec.ResolveDNS, Ports: []spec.ServicePort{{Number: 80}},
				}}}, "error ServiceEntry prod/x: "
			}
			want := []string{}
			for _, w := range tt.want {
				want = append(want, prefix+w)
			}
			require.Equal(t, want, validated(d, Options{}))
		})
	}
}
