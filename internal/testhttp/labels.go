package testhttp

import (
	"github.com/lateengo/gateway/spec"
)

// Labelled is a WorkloadEntry with labels as they are written: a key and a value in
// turn.
func Labelled(namespace, name, address string, labels ...string) spec.WorkloadEntry {
	w := spec.WorkloadEntry{Namespace: namespace, Name: name, Endpoint: spec.Endpoint{Address: address}}
	for i := 0; i < len(labels); i += 2 {
		if w.Labels == nil {
			w.Labels = map[string]string{}
		}
		w.Labels[labels[i]] = labels[i+1]
	}
	return w
}
