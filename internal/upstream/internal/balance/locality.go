package balance

import "strings"

// A Locality is a place where hosts run. Its parts may be empty from the end.
type Locality struct{ Region, Zone, Subzone string }

// ParseLocality reads "region/zone/subzone", where parts at the end may be
// missing.
func ParseLocality(text string) Locality {
	region, rest, _ := strings.Cut(text, "/")
	zone, subzone, _ := strings.Cut(rest, "/")
	return Locality{region, zone, subzone}
}

// String returns what ParseLocality reads.
func (l Locality) String() string {
	return strings.TrimRight(l.Region+"/"+l.Zone+"/"+l.Subzone, "/")
}

// in reports whether l is in what a pattern stands for: a locality in which a part
// may be "*", and a zone or subzone missing.
func (l Locality) in(pattern string) bool {
	p := ParseLocality(pattern)
	return (p.Region == "*" || p.Region == l.Region) &&
		(p.Zone == "*" || p.Zone == "" || p.Zone == l.Zone) &&
		(p.Subzone == "*" || p.Subzone == "" || p.Subzone == l.Subzone)
}

// distance is how far two localities are from each other: 0 where they are the
// same, then the same zone, the same region, and 3 for anything else.
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
	// OutlierDetection says that hosts may be ejected. Without it there is no
	// failover, as nobody would notice that hosts fail.
	OutlierDetection bool
	// Distribute weighs localities. The first that is for the proxy's locality
	// counts.
	Distribute []Distribute
	// Failover says where the traffic of a region goes.
	Failover []Failover
	// FailoverPriority are names of labels, or "name=value" to compare with a value
	// other than the proxy's. A host is the better, the more of the first ones it
	// has in common with the proxy.
	FailoverPriority []string
}

// A Distribute says how the traffic from some localities is distributed.
type Distribute struct {
	// From is where the proxy is, such as "region/zone/*".
	From string
	// To are patterns of localities with their weights. Hosts in other localities
	// get nothing.
	To []LocalityWeight
}

// A LocalityWeight is the weight of all hosts together that are in the localities
// of a pattern.
type LocalityWeight struct {
	Locality string
	Weight   uint32
}

// A Failover prefers one region where the own one has no hosts.
type Failover struct{ From, To string }
