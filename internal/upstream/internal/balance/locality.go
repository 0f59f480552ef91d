package balance

import "strings"

// A Locality is a place where hosts run. Parts at the end may be empty.
type Locality struct{ Region, Zone, Subzone string }

// ParseLocality reads "region/zone/subzone", where parts at the end may be
// missing.
func ParseLocality(text string) Locality {
	region, rest, _ := strings.Cut(text, "/")
	zone, subzone, _ := strings.Cut(rest, "/")
	return Locality{region, zone, subzone}
}

// String returns the form that ParseLocality reads.
func (l Locality) String() string {
	return strings.TrimRight(l.Region+"/"+l.Zone+"/"+l.Subzone, "/")
}

// in reports whether l matches a pattern: a locality in which a part may be
// "*", and the zone or subzone may be missing.
func (l Locality) in(pattern string) bool {
	p := ParseLocality(pattern)
	return (p.Region == "*" || p.Region == l.Region) &&
		(p.Zone == "*" || p.Zone == "" || p.Zone == l.Zone) &&
		(p.Subzone == "*" || p.Subzone == "" || p.Subzone == l.Subzone)
}

// distance is how far apart two localities are: 0 for the same subzone, 1 for
// the same zone, 2 for the same region, and 3 for anything else.
func (l Locality) distance(other Locality) int {
	switch {
	case l == other:
		return 0
	case l.Region != other.Region:
		return 3
	case l.Zone != other.Zone:
		return 2
	}
	return 1
}

// A LocalitySetting prefers or weighs hosts by where they run (Istio's
// localityLbSetting, if enabled). Distribute excludes failover.
type LocalitySetting struct {
	// Proxy is where this process runs. Hosts are compared with it unless it is
	// zero.
	Proxy Locality
	// ProxyLabels are the labels of this process, which FailoverPriority compares
	// with those of hosts. The topology labels of Proxy and of hosts are added to
	// their labels.
	ProxyLabels map[string]string
	// OutlierDetection means that hosts may be ejected. Without it there is no
	// failover, because failing hosts would not be noticed.
	OutlierDetection bool
	// Distribute weighs localities. The first entry for the proxy's locality
	// counts.
	Distribute []Distribute
	// Failover defines where the traffic of a region goes.
	Failover []Failover
	// FailoverPriority are names of labels, or "name=value" to compare with a
	// value other than the proxy's. A host has a higher priority, the more of
	// the first labels it shares with the proxy.
	FailoverPriority []string
}

// A Distribute defines how the traffic from some localities is distributed.
type Distribute struct {
	// From is where the proxy is, such as "region/zone/*".
	From string
	// To are patterns of localities with their weights. Hosts in other
	// localities get no traffic.
	To []LocalityWeight
}

// A LocalityWeight is the total weight of all hosts in the localities of a
// pattern.
type LocalityWeight struct {
	Locality string
	Weight   uint32
}

// A Failover prefers one region if the proxy's own region has no hosts.
type Failover struct{ From, To string }
