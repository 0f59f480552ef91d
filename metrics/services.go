package metrics

import (
	"cmp"
	"slices"
	"strings"
)

// A Service is the sum of all series with the same host and subset, as Istio's metrics
// count. Without a destination, the names are "unknown".
type Service struct {
	// Host is the host of the destination. Name and Namespace are those of a service
	// in Kubernetes; of other hosts, the name is the host. Version is the subset.
	Host, Name, Namespace, Version string
	// Results, Duration, RequestSizes and ResponseSizes are as in Series.
	Results                     []Result
	Duration                    Histogram
	RequestSizes, ResponseSizes Sizes
}

// ServiceLabels are the names of the labels that all of Istio's metrics have, and
// ResultLabels those that istio_requests_total has beside them.
var (
	ServiceLabels = []string{
		"reporter", "source_workload", "source_workload_namespace", "source_app", "destination_service", "destination_service_name",
		"destination_service_namespace", "destination_workload", "destination_workload_namespace", "destination_version",
		"connection_security_policy",
	}
	ResultLabels = []string{"request_protocol", "response_code", "grpc_response_status", "response_flags"}
)

const unknown = "unknown"

// LabelValues returns the values of ServiceLabels.
func (s *Service) LabelValues() []string {
	return []string{"source", "lateen", unknown, "lateen", s.Host, s.Name, s.Namespace, unknown, s.Namespace, s.Version, unknown}
}

// Services adds up the series of each service, ordered by host and version.
func Services(list []Series) []Service {
	type key struct{ host, version string }
	at := map[key]int{}
	var out []Service
	for i := range list {
		s := &list[i]
		k := key{cmp.Or(s.Destination.Host, unknown), cmp.Or(s.Destination.Subset, unknown)}
		j, known := at[k]
		if !known {
			j = len(out)
			at[k] = j
			out = append(out, newService(k.host, k.version))
		}
		out[j].add(s)
	}
	for i := range out {
		slices.SortFunc(out[i].Results, compareResults)
	}
	slices.SortFunc(out, func(a, b Service) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Version, b.Version))
	})
	return out
}

func newService(host, version string) Service {
	s := Service{Host: host, Name: host, Namespace: unknown, Version: version}
	if name, rest, found := strings.Cut(host, "."); found {
		if namespace, found := strings.CutSuffix(rest, ".svc.cluster.local"); found {
			s.Name, s.Namespace = name, namespace
		}
	}
	return s
}

// add adds a series.
func (s *Service) add(from *Series) {
	for _, r := range from.Results {
		i := slices.IndexFunc(s.Results, func(o Result) bool {
			o.Count = r.Count
			return o == r
		})
		if i < 0 {
			s.Results = append(s.Results, r)
		} else {
			s.Results[i].Count += r.Count
		}
	}
	s.Duration.Add(&from.Duration)
	s.RequestSizes.Add(&from.RequestSizes)
	s.ResponseSizes.Add(&from.ResponseSizes)
}
