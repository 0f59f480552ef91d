package resource

// HasLabels reports whether labels has all wanted labels.
func HasLabels(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if has, ok := labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}
