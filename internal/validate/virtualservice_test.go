package validate

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// A resourceRow is declarations and their findings, after the prefix.
type resourceRow struct {
	name   string
	change func(*spec.Declarations)
	want   []string
}

func runResources(t *testing.T, base func() spec.Declarations, prefix string, rows []resourceRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d := base()
			row.change(&d)
			want := []string{}
			for _, w := range row.want {
				kind := "error "
				if len(w) > 0 && w[0] == '~' {
					kind, w = "warning ", w[1:]
				}
				want = append(want, kind+prefix+w)
			}
			got := validated(d, Options{})
			// The declarations from routesTo only make a service a destination.
			got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "warning VirtualService default/routes: ") })
			require.Equal(t, want, got)
		})
	}
}

func TestValidateVirtualServiceHosts(t *testing.T) {
	hosts := func(list ...string) func(*spec.Declarations) {
		return func(d *spec.Declarations) { d.VirtualServices[0].Hosts = list }
	}
	runResources(t, func() spec.Declarations { return shop(spec.Route{Destinations: toCart}) }, "VirtualService default/shop: ", []resourceRow{
		{"several", hosts("a.test", "*.b.test", "c.test"), nil},
		{"a short name", hosts("c"), []string{`~hosts[0]: "c" is the service c.default.svc.cluster.local: Istio serves only that name, Lateen serves both`}},
		{"an address", hosts("10.0.0.1"), nil},
		{"an IPv6 address", hosts("::1"), nil},
		{"everything at a gateway", hosts("*"), nil},
		{"no name", hosts("a_b.test", "*.*.test"), []string{
			`hosts[0]: "a_b.test" is not a host name: the label "a_b" must be letters, digits and inner hyphens`,
			`hosts[1]: "*.*.test" is not a host name: a wildcard is allowed only at the start of the first label`,
		}},
		{"a port", hosts("a.test:8080"), []string{
			`hosts[0]: "a.test:8080" is not a host name: it is written without scheme, port and path; did you mean "a.test"?`,
		}},
		{"twice", hosts("a.test", "b.test", "a.test"), []string{`hosts[2]: "a.test" overlaps with "a.test" of the same VirtualService`}},
		{"a wildcard over a name", hosts("*.test", "a.test"), []string{`hosts[1]: "a.test" overlaps with "*.test" of the same VirtualService`}},
		{"a wildcard over a wildcard", hosts("*.a.test", "*.test"), []string{`hosts[1]: "*.test" overlaps with "*.a.test" of the same VirtualService`}},
		{"a wildcard beside its own name", hosts("*.a.test", "a.test"), nil},
		{"everything in the mesh", func(d *spec.Declarations) {
			d.VirtualServices[0].Hosts, d.VirtualServices[0].Gateways = []string{"*"}, []string{"gw", "mesh"}
		}, []string{`hosts[0]: "*" cannot be a host in the mesh, to which the VirtualService is bound`}},
		{"everything without gateways", func(d *spec.Declarations) {
			d.VirtualServices[0].Hosts, d.VirtualServices[0].Gateways = []string{"*"}, nil
		}, []string{
			`hosts[0]: "*" cannot be a host in the mesh, to which the VirtualService is bound`,
			`~gateways: it is bound only to the mesh: no gateway serves it`,
		}},
		{"everything without gateways and servers", func(d *spec.Declarations) {
			d.Servers, d.VirtualServices[0].Hosts, d.VirtualServices[0].Gateways = nil, []string{"*"}, nil
		}, nil},
		{"no route", func(d *spec.Declarations) { d.VirtualServices[0].Routes = nil }, []string{"http: the VirtualService has no route"}},
	})
}

func TestValidateVirtualServiceGateways(t *testing.T) {
	base := func() spec.Declarations {
		d := shop(spec.Route{Destinations: toCart})
		d.Servers = append(d.Servers, spec.Server{Gateway: "edge", Namespace: "infra", Port: 81, Hosts: []string{"*"}})
		return d
	}
	gateways := func(list ...string) func(*spec.Declarations) {
		return func(d *spec.Declarations) { d.VirtualServices[0].Gateways = list }
	}
	const noName = `does not name a gateway: "name" or "namespace/name" is expected`
	runResources(t, base, "VirtualService default/shop: ", []resourceRow{
		{"all forms", gateways("gw", "./gw", "default/gw", "infra/edge", "mesh"), nil},
		{"every gateway", gateways("*"), nil},
		{"the mesh alone", gateways("mesh"), []string{"~gateways: it is bound only to the mesh: no gateway serves it"}},
		{"none", gateways(), []string{"~gateways: it is bound only to the mesh: no gateway serves it"}},
		{"the old form", gateways("edge.infra.svc.cluster.local"),
			[]string{`~gateways[0]: "edge.infra.svc.cluster.local" names a gateway in the old form: write "infra/edge" [IST0133]`}},
		{"a misspelling", gateways("gw", "infra/egde"), []string{`~gateways[1]: there is no Gateway infra/egde; did you mean "infra/edge"? [IST0101]`}},
		{"another namespace", gateways("edge"), []string{`~gateways[0]: there is no Gateway default/edge; did you mean "infra/edge"? [IST0101]`}},
		{"nothing like it", gateways("public"), []string{`~gateways[0]: there is no Gateway default/public [IST0101]`}},
		{"empty", gateways(""), []string{`gateways[0]: the name of a gateway is missing: "name" or "namespace/name" is expected`}},
		{"no namespace", gateways("/gw"), []string{`gateways[0]: "/gw" ` + noName}},
		{"no name", gateways("infra/"), []string{`gateways[0]: "infra/" ` + noName}},
		{"any namespace", gateways("*/gw"), []string{`gateways[0]: "*/gw" ` + noName}},
		{"no label", gateways("g_w"), []string{`gateways[0]: "g_w" ` + noName}},
	})
}

func TestValidateHostsAgainstGateways(t *testing.T) {
	base := func() spec.Declarations {
		d := shop(spec.Route{Destinations: toCart})
		d.Servers = []spec.Server{
			{Gateway: "gw", Port: 80, Hosts: []string{"*.shop.test", "prod/prod.test", "./own.test", "*/any.test"}},
			{Gateway: "other", Port: 81, Hosts: []string{"other.test"}},
		}
		return d
	}
	host := func(namespace, host string, gateways ...string) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			vs := &d.VirtualServices[0]
			vs.Namespace, vs.Hosts, vs.Gateways = namespace, []string{host}, gateways
		}
	}
	none := func(of, host string) []string {
		return []string{`~hosts[0]: no server of ` + of + ` has a host that overlaps with "` + host + `": no request reaches it [IST0132]`}
	}
	runResources(t, base, "VirtualService default/shop: ", []resourceRow{
		{"below a wildcard", host("default", "a.b.shop.test", "gw"), nil},
		{"above a wildcard", host("default", "*.test", "gw"), nil},
		{"beside a wildcard", host("default", "shop.test", "gw"), none("Gateway default/gw", "shop.test")},
		{"of its own namespace", host("default", "own.test", "gw"), nil},
		{"of any namespace", host("default", "any.test", "gw"), nil},
		{"of another namespace", host("default", "prod.test", "gw"), none("Gateway default/gw", "prod.test")},
		{"of another gateway", host("default", "other.test", "gw"), none("Gateway default/gw", "other.test")},
		{"of one of its gateways", host("default", "other.test", "gw", "other"), nil},
		{"of none of its gateways", host("default", "x.test", "gw", "other"), none("the gateways", "x.test")},
		{"of every gateway", host("default", "other.test", "*"), nil},
		{"of no gateway at all", host("default", "x.test", "*"), []string{`~hosts[0]: no gateway serves "x.test": no request reaches it [IST0132]`}},
		{"in capitals", host("default", "A.Shop.test", "gw"), []string{
			`~hosts[0]: no server of Gateway default/gw has a host that overlaps with "A.Shop.test": letter case matters; did you mean "a.shop.test"? [IST0132]`,
		}},
	})
	runResources(t, base, "VirtualService prod/shop: ", []resourceRow{
		{"of its own namespace, by name", host("prod", "prod.test", "default/gw"), nil},
		{"of the gateway's namespace", host("prod", "own.test", "default/gw"), none("Gateway default/gw", "own.test")},
	})
}

func TestValidateDelegates(t *testing.T) {
	base := func() spec.Declarations {
		d := shop(spec.Route{Delegate: &spec.Delegate{Name: "cart", Namespace: "team"}})
		d.VirtualServices = append(d.VirtualServices, spec.VirtualService{Name: "cart", Namespace: "team", Routes: []spec.Route{{Destinations: toCart}}})
		return d
	}
	root := func(d spec.Delegate) func(*spec.Declarations) {
		return func(to *spec.Declarations) { to.VirtualServices[0].Routes[0].Delegate = &d }
	}
	runResources(t, base, "VirtualService default/shop: http[0].delegate.", []resourceRow{
		{"one", func(*spec.Declarations) {}, nil},
		{"exported to the root's namespace", func(d *spec.Declarations) { d.VirtualServices[1].ExportTo = []string{"default"} }, nil},
		{"not exported", func(d *spec.Declarations) { d.VirtualServices[1].ExportTo = []string{"."} },
			[]string{"~name: VirtualService team/cart is not exported to the namespace default: the route matches no request"}},
		{"with hosts", func(d *spec.Declarations) {
			d.VirtualServices[1].Hosts, d.VirtualServices[1].Gateways = []string{"b.test"}, []string{"default/gw"}
		}, []string{"~name: VirtualService team/cart has hosts, so it is not a delegate: the route matches no request"}},
	})
	runResources(t, base, "VirtualService ", []resourceRow{
		{"missing", root(spec.Delegate{Name: "crat", Namespace: "team"}), []string{
			`~default/shop: http[0].delegate.name: there is no VirtualService team/crat: the route matches no request; did you mean "cart"? [IST0101]`,
			`~team/cart: it has no hosts and no route delegates to it: it is never served`,
		}},
		{"in the root's namespace", root(spec.Delegate{Name: "cart"}), []string{
			`~default/shop: http[0].delegate.name: there is no VirtualService default/cart: the route matches no request [IST0101]`,
			`~team/cart: it has no hosts and no route delegates to it: it is never served`,
		}},
		{"without name", root(spec.Delegate{Namespace: "team"}), []string{
			`default/shop: http[0].delegate.name: the name of the delegate is missing`,
			`~team/cart: it has no hosts and no route delegates to it: it is never served`,
		}},
		{"in no namespace", root(spec.Delegate{Name: "cart", Namespace: "a.b"}), []string{
			`default/shop: http[0].delegate.namespace: "a.b" is not the name of a namespace`,
			`~team/cart: it has no hosts and no route delegates to it: it is never served`,
		}},
		{"in turn", func(d *spec.Declarations) {
			d.VirtualServices[1].Routes[0] = spec.Route{Delegate: &spec.Delegate{Name: "shop", Namespace: "default"}}
		}, []string{
			`team/cart: http[0]: the route has no action: one of route, redirect and directResponse is expected`,
			`team/cart: http[0].delegate: a delegate cannot delegate`,
		}},
		{"with gateways", func(d *spec.Declarations) { d.VirtualServices[1].Gateways = []string{"default/gw"} }, []string{
			`team/cart: gateways: a VirtualService without hosts is a delegate and cannot have gateways: add hosts or remove gateways`,
		}},
		{"of two roots, or of none that has hosts", func(d *spec.Declarations) {
			d.VirtualServices = append(d.VirtualServices, spec.VirtualService{
				Name: "lost", Routes: []spec.Route{{Delegate: &spec.Delegate{Name: "cart", Namespace: "team"}, Destinations: toCart}},
			})
		}, []string{
			`default/lost: http[0].delegate: a delegate cannot delegate`,
			`~default/lost: it has no hosts and no route delegates to it: it is never served`,
		}},
	})
}
