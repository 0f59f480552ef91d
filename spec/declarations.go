// Package spec defines all declarations for a gateway, as plain data. It knows
// only names: it has no handlers and uses no network. The types mirror Istio's
// resources. Package spec/istio reads them from YAML.
//
// Declarations contains all of them: Server, VirtualService with its Routes,
// Service, WorkloadEntry, DestinationRule, RateLimitPolicy, RateLimitDomain and
// Telemetry. A Source returns Declarations. Error and Warning describe problems in them.
package spec

// NoLimit removes a limit that has a default: in TCPSettings and in the
// settings of package server. Zero always means the default.
const NoLimit = -1

// Append adds everything in more to d.
func (d *Declarations) Append(more Declarations) {
	d.Servers = append(d.Servers, more.Servers...)
	d.VirtualServices = append(d.VirtualServices, more.VirtualServices...)
	d.Services = append(d.Services, more.Services...)
	d.WorkloadEntries = append(d.WorkloadEntries, more.WorkloadEntries...)
	d.DestinationRules = append(d.DestinationRules, more.DestinationRules...)
	d.RateLimits = append(d.RateLimits, more.RateLimits...)
	d.RateLimitDomains = append(d.RateLimitDomains, more.RateLimitDomains...)
	d.Telemetries = append(d.Telemetries, more.Telemetries...)
	d.Credentials = append(d.Credentials, more.Credentials...)
	d.Unexecuted = append(d.Unexecuted, more.Unexecuted...)
	d.Skipped = append(d.Skipped, more.Skipped...)
	d.Warnings = append(d.Warnings, more.Warnings...)
	d.Files = append(d.Files, more.Files...)
	if more.Incomplete != nil {
		if d.Incomplete == nil {
			d.Incomplete = new(Declarations)
		}
		d.Incomplete.Append(*more.Incomplete)
	}
}

// Declarations is the input of a Gateway. It is plain data with names only: the
// Builder knows what is behind a destination.
type Declarations struct {
	Servers          []Server
	VirtualServices  []VirtualService
	Services         []Service
	WorkloadEntries  []WorkloadEntry
	DestinationRules []DestinationRule
	RateLimits       []RateLimitPolicy
	RateLimitDomains []RateLimitDomain
	Telemetries      []Telemetry
	Credentials      []Credential

	// Unexecuted are policies that Lateen cannot execute.
	Unexecuted []UnexecutedPolicy

	// Skipped are the objects that the Source skipped, in order.
	Skipped []Skipped

	// Warnings are the warnings of the Source.
	Warnings []Warning

	// Files are files that declarations name and that the Source has read, or tried to
	// read, for what they declare.
	Files []string

	// Incomplete contains declarations that the Source could read only in part.
	// They lack the unreadable fields, which the error of the Source reports.
	// Build reports other problems in them, and never serves them. Nil means
	// there are none.
	Incomplete *Declarations
}

// A Source returns declarations, for example from files, from a cluster, or
// from literals in a test.
type Source interface {
	// Declare returns the current declarations. If it cannot read some of them,
	// it returns the others, and an error that joins one *Error for each
	// problem. Partly read declarations may be in Declarations.Incomplete.
	Declare() (Declarations, error)
}

// Declare returns d, so that Declarations is a Source.
func (d Declarations) Declare() (Declarations, error) { return d, nil }
