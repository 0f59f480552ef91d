package main

import (
	"flag"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// strictness is the flags of gateway.Strict.
type strictness struct {
	on bool
	// fields is -1 for the default. Zero is no limit.
	fields int
}

func (x *strictness) addFlags(flags *flag.FlagSet) {
	flags.BoolVar(&x.on, "strict", false, "refuse requests that attackers send more often than others, and headers that only proxies may send: see docs/operations.md, Strict")
	flags.IntVar(&x.fields, "max-header-fields", -1, "`NUMBER` of header fields that a request may have with --strict; 0 is no limit (100 by default)")
}

// set makes a gateway strict.
func (x *strictness) set(b *gateway.Builder) {
	if !x.on {
		return
	}
	s := gateway.Strict{}
	switch {
	case x.fields == 0:
		s.MaxFields = spec.NoLimit
	case x.fields > 0:
		s.MaxFields = x.fields
	}
	b.Strict(s)
}

// setEdge makes the settings for a gateway that everybody can reach.
func (v *service) setEdge() {
	v.strict.on = true
	v.limits.setEdge()
}
