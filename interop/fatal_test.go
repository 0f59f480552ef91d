package interop

import "fmt"

// An interopFailure is a failure that gRPC's interoperability cases found.
type interopFailure string

// fatalPanics is a logger for those cases, which end the process when they
// fail: it panics before they can.
type fatalPanics struct{}

func (fatalPanics) Info(...any)                   {}
func (fatalPanics) Infoln(...any)                 {}
func (fatalPanics) Infof(string, ...any)          {}
func (fatalPanics) Warning(...any)                {}
func (fatalPanics) Warningln(...any)              {}
func (fatalPanics) Warningf(string, ...any)       {}
func (fatalPanics) Error(...any)                  {}
func (fatalPanics) Errorln(...any)                {}
func (fatalPanics) Errorf(string, ...any)         {}
func (fatalPanics) V(int) bool                    { return false }
func (fatalPanics) InfoDepth(int, ...any)         {}
func (fatalPanics) WarningDepth(int, ...any)      {}
func (fatalPanics) ErrorDepth(int, ...any)        {}
func (fatalPanics) Fatal(args ...any)             { panic(interopFailure(fmt.Sprint(args...))) }
func (fatalPanics) Fatalln(args ...any)           { panic(interopFailure(fmt.Sprintln(args...))) }
func (fatalPanics) FatalDepth(_ int, args ...any) { panic(interopFailure(fmt.Sprint(args...))) }
func (fatalPanics) Fatalf(format string, args ...any) {
	panic(interopFailure(fmt.Sprintf(format, args...)))
}
