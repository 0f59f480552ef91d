package limit

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// Actions are a compiled spec.RateLimitDescriptor: they make at most one descriptor of a
// request.
type Actions struct {
	list []action
	// Hits is the cost of a request.
	Hits int
	// Cluster means that an action needs the destination.
	Cluster bool
}

// An action is a compiled spec.RateLimitAction.
type action struct {
	spec.RateLimitAction
	source     match.Source
	conditions []actionCondition
}

// An actionCondition is a compiled spec.ActionCondition.
type actionCondition struct {
	source match.Source
	match.Comparison
	not, missingIsEmpty bool
}

// CompileActions compiles a valid descriptor. Query parameters are read by the source that
// parameter returns for a name.
func CompileActions(d *spec.RateLimitDescriptor, parameter func(name string) match.Source, regexes regex.Cache) *Actions {
	out := &Actions{Hits: max(d.Hits, 1)}
	for i := range d.Actions {
		a := action{RateLimitAction: d.Actions[i]}
		a.Key = descriptor.KeyOf(&a.RateLimitAction)
		a.IPv4Bits, a.IPv6Bits = cmp.Or(a.IPv4Bits, 32), cmp.Or(a.IPv6Bits, 128)
		source := match.HeaderSource
		if a.Kind == spec.ActionQueryParameter || a.Kind == spec.ActionQueryMatch {
			source = parameter
		}
		if a.Name != "" {
			a.source = source(a.Name)
		}
		for _, c := range a.Conditions {
			compared, err := match.CompileComparison(c.Match, regexes)
			if err == nil {
				a.conditions = append(a.conditions, actionCondition{source(c.Name), compared, c.Not, c.MissingIsEmpty})
			}
		}
		out.Cluster = out.Cluster || a.Kind == spec.ActionDestination
		out.list = append(out.list, a)
	}
	return out
}

// entries appends the entries of a request's descriptor. It returns false if there is no
// descriptor.
func (a *Actions) entries(to []ratelimit.Entry, v *match.View) ([]ratelimit.Entry, bool) {
	before := len(to)
	for i := range a.list {
		value, present, required := a.list[i].value(v)
		if present {
			to = append(to, ratelimit.Entry{Key: a.list[i].Key, Value: value})
		} else if required {
			return to, false
		}
	}
	return to, len(to) > before
}

// value returns the value of the action's entry, whether there is one, and whether there
// is no descriptor without it.
func (a *action) value(v *match.View) (value string, present, required bool) {
	switch a.Kind {
	case spec.ActionGenericKey:
		return a.Value, true, true
	case spec.ActionRequestHeader, spec.ActionQueryParameter:
		value, present = v.First(&a.source)
		return value, present, !a.SkipIfAbsent
	case spec.ActionRemoteAddress:
		address, ok := clientAddress(v)
		if !ok {
			return "", false, true
		}
		return address.String(), true, true
	case spec.ActionMaskedAddress:
		address, ok := clientAddress(v)
		if !ok {
			return "", false, true
		}
		bits := a.IPv6Bits
		if address.Is4() {
			bits = a.IPv4Bits
		}
		network, err := address.Prefix(bits)
		return network.String(), err == nil, true
	case spec.ActionHeaderMatch, spec.ActionQueryMatch:
		return a.Value, a.holds(v) != a.ExpectNoMatch, true
	case spec.ActionDestination:
		return v.Cluster, v.Cluster != "", true
	}
	return "", false, true
}

// clientAddress returns the client's address, if it is an IP address.
func clientAddress(v *match.View) (netip.Addr, bool) {
	address, err := netip.ParseAddr(v.Edge.ClientAddress(v.Request))
	return address.Unmap().WithZone(""), err == nil
}

// holds reports whether all conditions are true.
func (a *action) holds(v *match.View) bool {
	for i := range a.conditions {
		if !a.conditions[i].holds(v) {
			return false
		}
	}
	return true
}

// holds reports whether a condition is true. A missing value satisfies no comparison,
// even if it is reversed.
func (c *actionCondition) holds(v *match.View) bool {
	value, present := v.Value(&c.source)
	if c.Kind == spec.MatchAny {
		return present != c.not
	}
	if !present && !c.missingIsEmpty {
		return false
	}
	return c.Compares(value) != c.not
}

// String returns the actions as text, such as: remote_address, user of header x-user.
func (a *Actions) String() string {
	parts := make([]string, len(a.list))
	for i := range a.list {
		parts[i] = a.list[i].text()
	}
	return strings.Join(parts, ", ")
}

func (a *action) text() string {
	switch a.Kind {
	case spec.ActionGenericKey:
		return a.Key + "=" + a.Value
	case spec.ActionRequestHeader, spec.ActionQueryParameter:
		text := a.Key + " of " + a.source.String()
		if a.SkipIfAbsent {
			text += " if present"
		}
		return text
	case spec.ActionHeaderMatch, spec.ActionQueryMatch:
		conditions := make([]string, len(a.conditions))
		for i := range a.conditions {
			conditions[i] = a.conditions[i].String()
		}
		word := " if "
		if a.ExpectNoMatch {
			word = " unless "
		}
		return a.Key + "=" + a.Value + word + strings.Join(conditions, " and ")
	}
	return a.Key
}

func (c *actionCondition) String() string {
	text := c.source.String()
	switch {
	case c.Kind == spec.MatchAny && c.not:
		return text + " absent"
	case c.Kind == spec.MatchAny:
		return text + " present"
	case c.not:
		text += " not"
	}
	return text + " " + c.Comparison.String()
}
