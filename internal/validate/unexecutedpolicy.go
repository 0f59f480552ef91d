package validate

import (
	"fmt"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// unexecutedPolicies reports policies that cannot be executed: as errors if they
// apply to the gateway's workload, as warnings otherwise.
func (v *validator) unexecutedPolicies() {
	for i := range v.declarations.Unexecuted {
		p := &v.declarations.Unexecuted[i]
		s := v.site(&p.Origin, "", p.Namespace, "")
		if elsewhere := v.appliesElsewhere(p); elsewhere != "" {
			s.warnf("", "is not executed by Lateen: %s. The policy does not apply to this gateway: %s", p.Reason, elsewhere)
		} else {
			s.errorf(spec.CodeUnsupported, "is not executed by Lateen: %s", p.Reason)
		}
	}
}

// appliesElsewhere returns why a policy does not apply to the gateway's workload,
// or "". A workload with unknown labels could have any labels.
func (v *validator) appliesElsewhere(p *spec.UnexecutedPolicy) string {
	namespace := v.named(p.Namespace, "").Namespace
	switch {
	case namespace != v.Workload.Namespace && namespace != resource.RootNamespace:
		return fmt.Sprintf("it is for the namespace %s, and the gateway runs in %s", namespace, v.Workload.Namespace)
	case !v.Workload.SelectedBy(p.Selector):
		return "its selector does not select the labels of the gateway"
	}
	return ""
}
