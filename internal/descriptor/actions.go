package descriptor

import (
	"slices"

	"github.com/lateengo/gateway/spec"
)

// keys are the keys of entries if an action has none.
var keys = [...]string{
	spec.ActionGenericKey:     "generic_key",
	spec.ActionQueryParameter: "query_param",
	spec.ActionRemoteAddress:  "remote_address",
	spec.ActionMaskedAddress:  "masked_remote_address",
	spec.ActionHeaderMatch:    "header_match",
	spec.ActionQueryMatch:     "query_match",
	spec.ActionDestination:    "destination_cluster",
}

// KeyOf returns the key of the entries that an action makes.
func KeyOf(a *spec.RateLimitAction) string {
	if a.Key == "" && int(a.Kind) < len(keys) {
		return keys[a.Kind]
	}
	return a.Key
}

// CanBe reports whether actions can make entries with some keys in this order, and with
// the values that are not empty.
func CanBe(actions []spec.RateLimitAction, wanted []spec.DescriptorEntry) bool {
	// made are the numbers of entries that the actions so far can have made.
	made := []int{0}
	for i := range actions {
		a := &actions[i]
		var next []int
		for _, n := range made {
			if n < len(wanted) && wanted[n].Key == KeyOf(a) && canBe(a, wanted[n].Value) {
				next = append(next, n+1)
			}
			if a.SkipIfAbsent && !slices.Contains(next, n) {
				next = append(next, n)
			}
		}
		made = next
	}
	return len(wanted) > 0 && slices.Contains(made, len(wanted))
}

// canBe reports whether the entry of an action can have a value, "" for any.
func canBe(a *spec.RateLimitAction, value string) bool {
	switch a.Kind {
	case spec.ActionGenericKey, spec.ActionHeaderMatch, spec.ActionQueryMatch:
		return value == "" || value == a.Value
	}
	return true
}
