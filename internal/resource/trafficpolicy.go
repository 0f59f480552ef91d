package resource

import (
	"github.com/lateengo/gateway/spec"
)

// SettingsAt returns the settings for a port, or nil.
func SettingsAt(t *spec.TrafficPolicy, port int) *spec.PortTrafficPolicy {
	if t != nil {
		for i := range t.PortLevelSettings {
			if s := &t.PortLevelSettings[i]; s.Port == port {
				return s
			}
		}
	}
	return nil
}
