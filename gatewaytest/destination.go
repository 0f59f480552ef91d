package gatewaytest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A destinationName is the name of a destination in a Case.
type destinationName struct {
	host, subset string
	port         int
	// cluster is Istio's name, and empty if another one was given.
	cluster string
}

// parseDestination reads a name of Expect.Destinations.
func parseDestination(text string) (destinationName, error) {
	if strings.Count(text, "|") == 3 {
		return destinationName{cluster: text}, nil
	}
	const expected = `"host", "host:port", "host/subset" or "host:port/subset" is expected`
	var n destinationName
	rest, subset, found := strings.Cut(text, "/")
	n.host, n.subset = rest, subset
	if found && (subset == "" || strings.Contains(subset, "/")) {
		return n, fmt.Errorf("%q is not a destination: %s", text, expected)
	}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.Contains(rest[i:], "]") {
		port, err := strconv.Atoi(rest[i+1:])
		if err != nil || port < 1 || port > 65535 {
			return n, fmt.Errorf("%q is not a destination: %q is not a port", text, rest[i+1:])
		}
		n.host, n.port = rest[:i], port
	}
	if n.host == "" {
		return n, fmt.Errorf("%q is not a destination: %s", text, expected)
	}
	return n, nil
}

// covers reports whether the name is one of a destination.
func (n *destinationName) covers(cluster, host string, port int, subset string) bool {
	if n.cluster != "" {
		return n.cluster == cluster
	}
	return (n.port == 0 || n.port == port) && (n.subset == "" || n.subset == subset) && namesHost(n.host, host)
}

// namesHost reports whether a name, perhaps without the cluster's domain or without the
// namespace too, is that of a host.
func namesHost(name, host string) bool {
	if name == host {
		return true
	}
	rest, ok := strings.CutPrefix(host, name+".")
	if !ok {
		return false
	}
	if rest == "svc.cluster.local" {
		return strings.Count(name, ".") == 1
	}
	namespace, found := strings.CutSuffix(rest, ".svc.cluster.local")
	return found && namespace != "" && !strings.Contains(namespace, ".") && !strings.Contains(name, ".")
}

// precision orders names that cover the same destination.
func (n *destinationName) precision() int {
	p := len(n.host)
	if n.port != 0 {
		p += 1000
	}
	if n.subset != "" {
		p += 2000
	}
	if n.cluster != "" {
		p += 10_000
	}
	return p
}

// A part is a destination with its share in percent.
type part struct {
	cluster, host, subset string
	port                  int
	percent               float64
}

// shares sums the shares of destinations by the most precise of names. rest are those
// that no name covers.
func shares(names []string, parts []part) (by map[string]float64, rest []part) {
	by = map[string]float64{}
	for i := range parts {
		p := &parts[i]
		name, ok := coveringName(names, p)
		if !ok {
			rest = append(rest, *p)
			continue
		}
		by[name] += p.percent
	}
	return by, rest
}

// coveringName returns the most precise of the names that cover a destination.
func coveringName(names []string, p *part) (string, bool) {
	best, found := -1, ""
	for _, name := range names {
		n, err := parseDestination(name)
		if err == nil && n.covers(p.cluster, p.host, p.port, p.subset) && n.precision() > best {
			best, found = n.precision(), name
		}
	}
	return found, best >= 0
}

// checkShares reports what is wrong with the names, and with the sum if the shares must
// add up to 100.
func checkShares(by map[string]float64, sums bool) error {
	total := 0.0
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if _, err := parseDestination(name); err != nil {
			return err
		}
		if share := by[name]; share < 0 || share > 100 {
			return fmt.Errorf("%s: the share is %s, 0 to 100 percent is expected", name, number(share))
		}
		total += by[name]
	}
	if !sums {
		return nil
	}
	if len(by) == 0 {
		return errors.New("no destination is named")
	}
	if total < 99.9 || total > 100.1 {
		return fmt.Errorf("the shares of the destinations add up to %s, 100 percent is expected", number(total))
	}
	return nil
}

// samePercent compares shares that may have been rounded.
func samePercent(a, b float64) bool { return a-b < 0.01 && b-a < 0.01 }

// number writes a number with at most two digits after the point.
func number(f float64) string {
	text := strconv.FormatFloat(f, 'f', 2, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// shortCluster writes a destination for people: "reviews.prod:9080/v1".
func shortCluster(host string, port int, subset string) string {
	text := strings.TrimSuffix(host, ".svc.cluster.local")
	text = strings.TrimSuffix(text, ".default")
	if port != 0 {
		text += ":" + strconv.Itoa(port)
	}
	if subset != "" {
		text += "/" + subset
	}
	return text
}
