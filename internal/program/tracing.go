package program

import (
	"strconv"

	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/observe"
)

// printTracing prints the settings of traces, if there are some.
func printTracing(t *observe.Tracing, lines *text.Lines) {
	if t.Provider == "" && !t.SamplingSet && !t.Disabled && !t.PropagationDisabled && len(t.CustomTags) == 0 {
		return
	}
	line := "traces"
	if t.Disabled {
		line += " off"
	}
	if t.SamplingSet {
		line += " sampled " + strconv.FormatFloat(t.SamplingPercent, 'g', -1, 64) + "%"
	}
	if t.PropagationDisabled {
		line += " not propagated"
	}
	if t.Provider != "" {
		line += " provider " + strconv.Quote(t.Provider)
	}
	lines.Line("%s", line)
	lines.In(func() {
		for i := range t.CustomTags {
			tag := &t.CustomTags[i]
			switch {
			case tag.Header == "":
				lines.Line("tag %q literal %q", tag.Name, tag.Literal)
			case tag.Default == "":
				lines.Line("tag %q header %q", tag.Name, tag.Header)
			default:
				lines.Line("tag %q header %q default %q", tag.Name, tag.Header, tag.Default)
			}
		}
	})
}
