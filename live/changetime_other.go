//go:build unix && !linux

package live

import (
	"reflect"
	"syscall"
)

// changeTime reads the field that systems name differently.
func changeTime(s *syscall.Stat_t) int64 {
	v := reflect.ValueOf(s).Elem()
	for _, name := range []string{"Ctim", "Ctimespec"} {
		if f := v.FieldByName(name); f.IsValid() {
			return f.Field(0).Int()*1e9 + f.Field(1).Int()
		}
	}
	return 0
}
