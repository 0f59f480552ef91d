package gateway

// A workload is what the gateway is in a cluster.
type workload struct {
	namespace string
	labels    map[string]string
}

// selectedBy reports whether a Gateway's selector selects the workload. One
// without labels was not described, and is selected by all.
func (w *workload) selectedBy(selector map[string]string) bool {
	return len(w.labels) == 0 || hasLabels(w.labels, selector)
}

// has reports whether the workload has labels.
func (w *workload) has(labels map[string]string) bool { return hasLabels(w.labels, labels) }
