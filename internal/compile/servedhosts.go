package compile

import (
	"strings"

	"github.com/lateengo/gateway/internal/resource"
)

// completeHosts sets the host names of each VirtualService when served. A host
// without a dot is a service in the namespace of the VirtualService.
//
// Without a Gateway, VirtualServices are served as in a sidecar: a service of the
// cluster has all its names there. Several namespaces can have a service with the
// same short name. The name then belongs to the default namespace, or otherwise to
// the first VirtualService.
func (c *Compiler) completeHosts() {
	sidecar := len(c.D.Servers) == 0
	owners := map[string]string{}
	if sidecar {
		for _, b := range c.bound {
			for _, host := range b.Hosts {
				full := resource.FullName(host, b.name.Namespace)
				short, namespace := resource.ShortName(full), resource.NamespaceOf(full)
				if _, taken := owners[short]; namespace != "" && (!taken || namespace == c.O.Namespace) {
					owners[short] = namespace
				}
			}
		}
	}
	for _, b := range c.bound {
		seen := make(map[string]bool, len(b.Hosts))
		for _, host := range b.Hosts {
			full := resource.FullName(host, b.name.Namespace)
			names := []string{full}
			switch mesh := resource.MeshNames(full); {
			case sidecar && mesh != nil && !strings.Contains(full, "*"):
				names = mesh
				if short := resource.ShortName(full); owners[short] == resource.NamespaceOf(full) {
					names = append(names, short)
				}
			case full != host && c.semantics.ServesShortHosts():
				names = append(names, host)
			}
			for _, name := range names {
				if !seen[name] {
					seen[name] = true
					b.hosts = append(b.hosts, name)
				}
			}
		}
	}
}
