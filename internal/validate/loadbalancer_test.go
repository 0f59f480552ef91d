package validate

import (
	"math"
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
)

func balanced(b spec.LoadBalancer) func(*spec.Declarations) {
	return policed(spec.TrafficPolicy{LoadBalancer: &b})
}

func TestValidateLoadBalancer(t *testing.T) {
	warm := func(b spec.LoadBalancer, w spec.Warmup) func(*spec.Declarations) { b.Warmup = &w; return balanced(b) }
	header := &spec.ConsistentHash{HTTPHeaderName: "x-user"}
	const warmup = "trafficPolicy.loadBalancer.warmup"
	const cold = "~" + warmup + ": has no effect: only LEAST_REQUEST and ROUND_ROBIN warm up"
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"the default", balanced(spec.LoadBalancer{}), nil},
		{"in turn", balanced(spec.LoadBalancer{Simple: spec.BalanceRoundRobin}), nil},
		{"passthrough", balanced(spec.LoadBalancer{Simple: spec.BalancePassthrough}),
			[]string{"~trafficPolicy.loadBalancer.simple: PASSTHROUGH has no meaning at a gateway: requests get 503"}},
		{"no such way", balanced(spec.LoadBalancer{Simple: 4}), []string{"trafficPolicy.loadBalancer.simple: 4 is not a way to balance"}},
		{"by hash", balanced(spec.LoadBalancer{ConsistentHash: header}), nil},
		{"by hash and at random", balanced(spec.LoadBalancer{Simple: spec.BalanceRandom, ConsistentHash: header}),
			[]string{"trafficPolicy.loadBalancer.simple: cannot be combined with consistentHash, which is also set"}},

		{"warm", warm(spec.LoadBalancer{}, spec.Warmup{Duration: time.Second, MinimumPercent: new(0.0), Aggression: new(0.5)}), nil},
		{"warm in turn", warm(spec.LoadBalancer{Simple: spec.BalanceRoundRobin}, spec.Warmup{Duration: time.Second}), nil},
		{"warm at random", warm(spec.LoadBalancer{Simple: spec.BalanceRandom}, spec.Warmup{Duration: time.Second}), []string{cold}},
		{"warm by hash", warm(spec.LoadBalancer{ConsistentHash: header}, spec.Warmup{Duration: time.Second}), []string{cold}},
		{"warm at once", warm(spec.LoadBalancer{}, spec.Warmup{}), []string{warmup + ".duration: is missing"}},
		{"warm too soon", warm(spec.LoadBalancer{}, spec.Warmup{Duration: 1}), []string{warmup + ".duration: 1ns is too short, 1ms or more is expected"}},
		{"warm from more than all", warm(spec.LoadBalancer{}, spec.Warmup{Duration: time.Second, MinimumPercent: new(101.0)}),
			[]string{warmup + ".minimumPercent: 101 is not a percentage, 0 to 100 is expected"}},
		{"warm without aggression", warm(spec.LoadBalancer{}, spec.Warmup{Duration: time.Second, Aggression: new(0.0)}),
			[]string{warmup + ".aggression: 0 is not an aggression, more than 0 is expected"}},
		{"warm by no number", warm(spec.LoadBalancer{}, spec.Warmup{Duration: time.Second, Aggression: new(math.NaN())}),
			[]string{warmup + ".aggression: NaN is not an aggression, more than 0 is expected"}},
	})
}

func TestValidateConsistentHash(t *testing.T) {
	hash := func(h spec.ConsistentHash) func(*spec.Declarations) {
		return balanced(spec.LoadBalancer{ConsistentHash: &h})
	}
	cookie := func(c spec.HashCookie) func(*spec.Declarations) { return hash(spec.ConsistentHash{HTTPCookie: &c}) }
	ring := func(size int) func(*spec.Declarations) {
		return hash(spec.ConsistentHash{UseSourceIP: true, RingHash: &spec.RingHash{MinimumRingSize: size}})
	}
	table := func(size int) func(*spec.Declarations) {
		return hash(spec.ConsistentHash{UseSourceIP: true, Maglev: &spec.Maglev{TableSize: size}})
	}
	const field = "trafficPolicy.loadBalancer.consistentHash"
	const notTable = " is not the size of a table: a prime number below 5000011 is expected"
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"nothing", hash(spec.ConsistentHash{}), []string{"~" + field + ": hashes nothing: requests go to random endpoints"}},
		{"a header", hash(spec.ConsistentHash{HTTPHeaderName: "X-User"}), nil},
		{"a pseudo-header", hash(spec.ConsistentHash{HTTPHeaderName: ":path"}), nil},
		{"no header", hash(spec.ConsistentHash{HTTPHeaderName: "x user"}), []string{field + `.httpHeaderName: "x user" is not the name of a header`}},
		{"the source", hash(spec.ConsistentHash{UseSourceIP: true}), nil},
		{"a parameter", hash(spec.ConsistentHash{HTTPQueryParameterName: "user"}), nil},
		{"two values", hash(spec.ConsistentHash{HTTPHeaderName: "x-user", UseSourceIP: true}), []string{field + ": httpHeaderName and useSourceIp cannot be combined"}},
		{"four values", hash(spec.ConsistentHash{HTTPHeaderName: "a", HTTPCookie: &spec.HashCookie{Name: "a"}, UseSourceIP: true, HTTPQueryParameterName: "a"}),
			[]string{field + ": httpHeaderName and httpCookie and useSourceIp and httpQueryParameterName cannot be combined"}},

		{"a cookie", cookie(spec.HashCookie{Name: "user"}), nil},
		{"a cookie that is made", cookie(spec.HashCookie{Name: "user", Path: "/", TTL: new(time.Hour), Attributes: []spec.CookieAttribute{{Name: "Secure"}, {Name: "SameSite", Value: "Lax"}}}), nil},
		{"a cookie of the session", cookie(spec.HashCookie{Name: "user", Path: "/", TTL: new(time.Duration(0))}), nil},
		{"a cookie without name", cookie(spec.HashCookie{}), []string{field + ".httpCookie.name: the cookie has no name"}},
		{"no cookie's name", cookie(spec.HashCookie{Name: "a;b"}), []string{field + `.httpCookie.name: "a;b" is not the name of a cookie`}},
		{"too short a life", cookie(spec.HashCookie{Name: "user", TTL: new(time.Duration(1))}), []string{field + ".httpCookie.ttl: 1ns is too short, 1ms or more is expected"}},
		{"a path that is not used", cookie(spec.HashCookie{Name: "user", Path: "/"}),
			[]string{"~" + field + ".httpCookie: path and attributes have no effect: no cookie is created without ttl"}},
		{"attributes", cookie(spec.HashCookie{Name: "user", TTL: new(time.Duration(0)), Attributes: []spec.CookieAttribute{{Name: "A"}, {}, {Name: "A", Value: "b"}, {Name: "a"}}}), []string{
			field + ".httpCookie.attributes[1].name: the attribute has no name",
			field + `.httpCookie.attributes[2].name: "A" is listed twice`,
		}},

		{"a ring", ring(0), nil},
		{"the largest ring", ring(8388608), nil},
		{"too large a ring", ring(8388609), []string{field + ".ringHash.minimumRingSize: 8388609 is not the size of a ring, 0 to 8388608 is expected"}},
		{"a negative ring", ring(-1), []string{field + ".ringHash.minimumRingSize: -1 is not the size of a ring, 0 to 8388608 is expected"}},
		{"a table", table(65537), nil},
		{"a table of two", table(2), nil},
		{"a table of one", table(1), []string{field + ".maglev.tableSize: 1" + notTable}},
		{"the largest table", table(5000001), []string{field + ".maglev.tableSize: 5000001" + notTable}},
		{"the largest prime", table(4999999), nil},
		{"too large a table", table(5000011), []string{field + ".maglev.tableSize: 5000011" + notTable}},
		{"no prime", table(65536), []string{field + ".maglev.tableSize: 65536" + notTable}},
		{"a square", table(65537 / 257 * 257), []string{field + ".maglev.tableSize: 65535" + notTable}},
		{"no table", table(0), []string{field + ".maglev.tableSize: is missing: Istio requires one, such as 65537"}},
		{"a negative table", table(-3), []string{field + ".maglev.tableSize: -3" + notTable}},
		{"a ring and a table", hash(spec.ConsistentHash{UseSourceIP: true, RingHash: &spec.RingHash{}, Maglev: &spec.Maglev{TableSize: 3}}),
			[]string{field + ": ringHash and maglev cannot be combined"}},
	})
}

func TestValidateLocality(t *testing.T) {
	local := func(l spec.LocalityLB) func(*spec.Declarations) { return balanced(spec.LoadBalancer{Locality: &l}) }
	ejecting := func(l spec.LocalityLB) func(*spec.Declarations) {
		return policed(spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{Locality: &l}, OutlierDetection: &spec.OutlierDetection{MaxEjectionPercent: 100}})
	}
	from := func(places ...string) func(*spec.Declarations) {
		var l spec.LocalityLB
		for _, p := range places {
			l.Distribute = append(l.Distribute, spec.LocalityDistribute{From: p, To: map[string]int{"*": 100}})
		}
		return local(l)
	}
	to := func(shares map[string]int) func(*spec.Declarations) {
		return local(spec.LocalityLB{Distribute: []spec.LocalityDistribute{{From: "r1", To: shares}}})
	}
	off, on := false, true
	failover := []spec.LocalityFailover{{From: "r1", To: "r2"}}
	const field = "trafficPolicy.loadBalancer.localityLbSetting"
	const idle = "~" + field + ": nothing fails over: there is no outlierDetection [IST0133]"
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"the default", local(spec.LocalityLB{}), nil},
		{"off", local(spec.LocalityLB{Enabled: &off}), nil},
		{"off with failover", ejecting(spec.LocalityLB{Enabled: &off, Failover: failover}),
			[]string{"~" + field + ".enabled: the other settings have no effect: locality is switched off"}},
		{"failover", ejecting(spec.LocalityLB{Enabled: &on, Failover: failover}), nil},
		{"failover of nothing", local(spec.LocalityLB{Failover: failover}), []string{idle}},
		{"priorities of nothing", local(spec.LocalityLB{FailoverPriority: []string{"zone"}}), []string{idle}},
		{"failover and priorities", ejecting(spec.LocalityLB{Failover: failover, FailoverPriority: []string{"zone"}}), nil},
		{"failover in a subset, with the rule's ejection", func(d *spec.Declarations) {
			policed(spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{MaxEjectionPercent: 100}})(d)
			d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{Locality: &spec.LocalityLB{Failover: failover}}}
		}, nil},
		{"failover for a port, without the rule's ejection", policed(spec.TrafficPolicy{
			OutlierDetection:  &spec.OutlierDetection{MaxEjectionPercent: 100},
			PortLevelSettings: []spec.PortTrafficPolicy{{Port: 80, LoadBalancer: &spec.LoadBalancer{Locality: &spec.LocalityLB{Failover: failover}}}},
		}), []string{"~trafficPolicy.portLevelSettings[0].loadBalancer.localityLbSetting: nothing fails over: there is no outlierDetection [IST0133]"}},
		{"failover and distribution", ejecting(spec.LocalityLB{Failover: failover, Distribute: []spec.LocalityDistribute{{From: "r1", To: map[string]int{"r1": 100}}}}),
			[]string{field + ": distribute and failover cannot be combined"}},
		{"priorities and distribution", ejecting(spec.LocalityLB{FailoverPriority: []string{"zone"}, Distribute: []spec.LocalityDistribute{{From: "r1", To: map[string]int{"r1": 100}}}}),
			[]string{"~" + field + ".failoverPriority: has no effect: distribute is set"}},

		{"places", from("r1", "r2/*", "r3/z1", "r3/z2/*", "r3/z3/s1"), nil},
		{"everywhere", from("*"), nil},
		{"near places", from("r1/z1", "r1/z11", "r11/*"), nil},
		{"no place", from(""), []string{field + ".distribute[0].from: the locality is missing"}},
		{"an empty part", from("r1//s1"), []string{field + `.distribute[0].from: "r1//s1" is not a locality: a part is empty`}},
		{"four parts", from("r1/z1/s1/t1"), []string{field + `.distribute[0].from: "r1/z1/s1/t1" is not a locality: region/zone/subzone is expected`}},
		{"a wildcard in the middle", from("r1/*/s1"), []string{field + `.distribute[0].from: "r1/*/s1" is not a locality: * is allowed only as the whole last part`}},
		{"two wildcards", from("*/*"), []string{field + `.distribute[0].from: "*/*" is not a locality: * is allowed only as the whole last part`}},
		{"a wildcard for a part of a part", from("r1/z*"), []string{field + `.distribute[0].from: "r1/z*" is not a locality: * is allowed only as the whole last part`}},
		{"the same place", from("r1/z1", "r1/z1"), []string{field + `.distribute[1].from: "r1/z1" overlaps with "r1/z1"`}},
		{"a place in another", from("r1/*", "r1/z1"), []string{field + `.distribute[1].from: "r1/z1" overlaps with "r1/*"`}},
		{"a place around another", from("r1/z1/s1", "r1"), []string{field + `.distribute[1].from: "r1" overlaps with "r1/z1/s1"`}},
		{"everywhere and somewhere", from("r1", "*"), []string{field + `.distribute[1].from: "*" overlaps with "r1"`}},

		{"shares", to(map[string]int{"r1/z1/*": 80, "r1/z2/*": 20}), nil},
		{"shares of less", to(map[string]int{"r1": 80, "r2": 19}), []string{field + ".distribute[0].to: the shares sum to 99, 100 is expected"}},
		{"no shares", to(nil), []string{field + ".distribute[0].to: the shares sum to 0, 100 is expected"}},
		{"a share of nothing", to(map[string]int{"r1": 100, "r2": 0}), []string{field + ".distribute[0].to[r2]: 0 is not a share, 1 to 100 is expected"}},
		{"a share of more", to(map[string]int{"r1": 101}), []string{field + ".distribute[0].to[r1]: 101 is not a share, 1 to 100 is expected"}},
		{"shares that overlap", to(map[string]int{"r1/*": 50, "r1/z1": 50}), []string{field + `.distribute[0].to[r1/z1]: "r1/z1" overlaps with "r1/*"`}},

		{"over to itself", ejecting(spec.LocalityLB{Failover: []spec.LocalityFailover{{From: "r1", To: "r1"}}}), []string{field + `.failover[0]: "r1" fails over to itself`}},
		{"over to a zone", ejecting(spec.LocalityLB{Failover: []spec.LocalityFailover{{From: "r1", To: "r2/z1"}}}),
			[]string{field + `.failover[0].to: "r2/z1" is not a region: it has neither zones nor wildcards`}},
		{"over from anywhere", ejecting(spec.LocalityLB{Failover: []spec.LocalityFailover{{From: "*", To: "r2"}}}),
			[]string{field + `.failover[0].from: "*" is not a region: it has neither zones nor wildcards`}},
		{"over from nowhere to nowhere", ejecting(spec.LocalityLB{Failover: []spec.LocalityFailover{{}}}), []string{
			field + ".failover[0].from: the region is missing", field + ".failover[0].to: the region is missing",
		}},

		{"labels", ejecting(spec.LocalityLB{FailoverPriority: []string{"topology.istio.io/network", "version=v1", "version=v2"}}), nil},
		{"a label twice", ejecting(spec.LocalityLB{FailoverPriority: []string{"a", "a"}}), []string{"~" + field + `.failoverPriority[1]: "a" is listed twice`}},
		{"no label", ejecting(spec.LocalityLB{FailoverPriority: []string{"=v"}}), []string{field + ".failoverPriority[0]: a label has no key"}},
	})
}
