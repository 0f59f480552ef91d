package resource

// A Workload describes the gateway as a workload in a cluster.
type Workload struct {
	Namespace string
	Labels    map[string]string
}

// SelectedBy reports whether the selector of a Gateway selects the workload. A
// workload without labels was not described, so every selector selects it.
func (w *Workload) SelectedBy(selector map[string]string) bool {
	return len(w.Labels) == 0 || HasLabels(w.Labels, selector)
}

// Has reports whether the workload has all of the labels.
func (w *Workload) Has(labels map[string]string) bool { return HasLabels(w.Labels, labels) }
