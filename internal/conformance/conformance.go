// Package conformance reads configurations with recorded answers of an Istio
// ingress gateway, and compares them with the answers of a gateway. Only tests use
// it.
package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// A Golden is a configuration, Istio's verdict on its documents, and cases.
type Golden struct {
	Config    string     `json:"config"`
	Options   Options    `json:"options"`
	Documents []Document `json:"documents"`
	Cases     []Case     `json:"cases"`

	// YAML is the text of the configuration.
	YAML string `json:"configYAML"`
}

// Options are the settings of the mesh.
type Options struct {
	// NoServices means that only declared services exist.
	NoServices bool `json:"noServices"`
	Mesh       struct {
		PathNormalization struct {
			Normalization string `json:"normalization"`
		} `json:"pathNormalization"`
	} `json:"mesh"`
}

// A Document is one resource and Istio's verdict on it.
type Document struct {
	Index                 int
	Kind, Namespace, Name string
	Valid                 bool
	Error, Warning        string
}

// A Case is a request and its outcome in Istio.
type Case struct {
	Request Request `json:"request"`
	Outcome Outcome `json:"outcome"`
}

// A Request is a client's request.
type Request struct {
	ID      string              `json:"id"`
	Port    int                 `json:"port"`
	TLS     bool                `json:"tls"`
	SNI     string              `json:"sni"`
	Method  string              `json:"method"`
	Host    string              `json:"host"`
	Path    string              `json:"path"`
	Headers map[string][]string `json:"headers"`
	// Backend are the headers of the destination's response.
	Backend map[string][]string `json:"backend"`
}

// An Outcome is the result of a request.
type Outcome struct {
	Kind         string            `json:"kind"`
	Status       int               `json:"status"`
	Location     string            `json:"location"`
	Body         string            `json:"body"`
	Response     map[string]string `json:"response"`
	Reason       string            `json:"reason"`
	Listener     string            `json:"listener"`
	RouteConfig  string            `json:"routeConfig"`
	VirtualHost  string            `json:"virtualHost"`
	Path         string            `json:"path"`
	Rule         *Rule             `json:"rule"`
	Destinations []Destination     `json:"destinations"`
	Policy       *Policy           `json:"policy"`
}

// A Rule is the route of a request.
type Rule struct {
	VirtualService string `json:"virtualService"`
	Name           string `json:"name"`
	Index          int    `json:"index"`
	Match          string `json:"match"`
}

// A Destination is a possible destination of a request.
type Destination struct {
	Cluster string `json:"cluster"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Subset  string `json:"subset"`
	Weight  int    `json:"weight"`
	Total   int    `json:"total"`
	Missing bool   `json:"missing"`
	Request struct {
		Method    string            `json:"method"`
		Authority string            `json:"authority"`
		Path      string            `json:"path"`
		Headers   map[string]string `json:"headers"`
		Envoy     map[string]string `json:"envoy"`
	} `json:"request"`
	Response map[string]string `json:"response"`
}

// A Policy is the other settings of a route.
type Policy struct {
	Timeout string   `json:"timeout"`
	Retry   *Retry   `json:"retry"`
	Mirrors []Mirror `json:"mirrors"`
	CORS    bool     `json:"cors"`
	Hash    []string `json:"hash"`
	Fault   *Fault   `json:"fault"`
}

// A Retry is a retry policy.
type Retry struct {
	Attempts      int    `json:"attempts"`
	On            string `json:"on"`
	PerTryTimeout string `json:"perTryTimeout"`
	AvoidSameHost bool   `json:"avoidSameHost"`
}

// A Mirror receives copies.
type Mirror struct {
	Cluster string  `json:"cluster"`
	Percent float64 `json:"percent"`
	Missing bool    `json:"missing"`
}

// A Fault is a possible fault.
type Fault struct {
	Delay        string  `json:"delay"`
	DelayPercent float64 `json:"delayPercent"`
	AbortStatus  int     `json:"abortStatus"`
	GRPCStatus   int     `json:"grpcStatus"`
	AbortPercent float64 `json:"abortPercent"`
}

// Load reads all goldens of a directory, in the order of their names.
func Load(directory string) ([]*Golden, error) {
	names, err := filepath.Glob(filepath.Join(directory, "*.golden.json"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var out []*Golden
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		g := new(Golden)
		if err := json.Unmarshal(data, g); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if g.YAML == "" {
			text, err := os.ReadFile(filepath.Join(directory, g.Config))
			if err != nil {
				return nil, err
			}
			g.YAML = string(text)
		}
		out = append(out, g)
	}
	return out, nil
}

// Split returns the documents that Istio accepts as one text, in which the lines of
// the others are blank. It returns each of the others alone in the same way.
func (g *Golden) Split() (accepted string, refused map[int]string) {
	refused = map[int]string{}
	parts := documents(g.YAML)
	valid := map[int]bool{}
	for _, d := range g.Documents {
		valid[d.Index] = d.Valid
	}
	for i, part := range parts {
		blank := strings.Repeat("\n", strings.Count(part, "\n"))
		if known, ok := valid[i]; ok && !known {
			var text strings.Builder
			for j, other := range parts {
				if j == i {
					text.WriteString(other)
				} else {
					text.WriteString(strings.Repeat("\n", strings.Count(other, "\n")))
				}
			}
			refused[i] = text.String()
			accepted += blank
			continue
		}
		accepted += part
	}
	return accepted, refused
}

// Backends returns the names of the backends that the destinations need: all that
// are not missing, in order.
func (g *Golden) Backends() []string {
	names := map[string]bool{}
	for _, c := range g.Cases {
		for _, d := range c.Outcome.Destinations {
			if !d.Missing {
				names[d.Backend()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// documents cuts a YAML text before each line "---".
func documents(text string) []string {
	var out []string
	current := ""
	for line := range strings.Lines(text) {
		if strings.TrimRight(line, "\r\n ") == "---" && current != "" {
			out = append(out, current)
			current = ""
		}
		current += line
	}
	return append(out, current)
}

// Duration parses a duration of the goldens; "" is zero.
func Duration(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}
