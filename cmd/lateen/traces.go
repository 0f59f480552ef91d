package main

import (
	"fmt"
	"io"
	"reflect"

	"github.com/lateengo/gateway/observe"
)

// printUntraced warns that nothing makes the traces that are declared. If they are turned
// off, that is what was asked for.
func printUntraced(w io.Writer, declared observe.Tracing) {
	if !declared.Disabled && !reflect.DeepEqual(declared, observe.Tracing{}) {
		fmt.Fprintln(w, "warning: lateen serve sends no traces: tracing of a Telemetry has no effect; a program can send them with the module otel")
	}
}
