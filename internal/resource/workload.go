package resource

// A Workload is what the gateway is in a cluster.
type Workload struct {
	Namespace string
	Labels    map[string]string
}

// SelectedBy reports whether a Gateway's selector selects the workload. One
// without labels was not described, and is selected by all.
func (w *Workload) SelectedBy(selector map[string]string) bool {
	return len(w.Labels) == 0 || HasLabels(w.Labels, selector)
}

// Has reports whether the workload has labels.
func (w *Workload) Has(labels map[string]string) bool { return HasLabels(w.Labels, labels) }
