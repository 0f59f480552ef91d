package spec

func (d *Declarations) Append(more Declarations) {
	d.Servers = append(d.Servers, more.Servers...)
	d.VirtualServices = append(d.VirtualServices, more.VirtualServices...)
	d.Services = append(d.Services, more.Services...)
	d.WorkloadEntries = append(d.WorkloadEntries, more.WorkloadEntries...)
	d.DestinationRules = append(d.DestinationRules, more.DestinationRules...)
	d.RateLimits = append(d.RateLimits, more.RateLimits...)
	d.Warnings = append(d.Warnings, more.Warnings...)
}

// Declarations are all that a Gateway is built from. They are plain data and
// hold names only: what stands behind a destination is the Builder's.
type Declarations struct {
	Servers          []Server
	VirtualServices  []VirtualService
	Services         []Service
	WorkloadEntries  []WorkloadEntry
	DestinationRules []DestinationRule
	RateLimits       []RateLimitPolicy

	// Warnings are what the reader of the declarations has to say about them.
	Warnings []Warning
}

// A Source yields declarations: files, a cluster, a test's literals.
type Source interface {
	// Declare returns the declarations as they stand now. Where some cannot be
	// read it returns the others and an error that joins an *Error for each
	// problem.
	Declare() (Declarations, error)
}

// Declare makes Declarations a Source of itself.
func (d Declarations) Declare() (Declarations, error) { return d, nil }
