package inspect

// A Condition is one condition of a route on a request.
type Condition struct {
	// Text is the condition as text, such as: header x-user exact "7".
	Text string `json:"text"`
	// Source is the value of the request that is compared: "path", "method", "scheme",
	// "authority", "path and query", "header x-user" or "query a".
	Source string `json:"source"`
	// Kind is "exact", "prefix" or "regex", or "present" if any value will do.
	Kind  string `json:"kind"`
	Value string `json:"value,omitempty"`
	// IgnoreCase means that the case of ASCII letters does not matter.
	IgnoreCase bool `json:"ignoreCase,omitempty"`
	// Negated means that the condition must not hold: withoutHeaders.
	Negated bool `json:"negated,omitempty"`
	// Implied means that nothing was declared: every path has the prefix "/". The
	// place is that of the match, or of the route.
	Implied bool `json:"implied,omitempty"`
	// Place is where the condition was declared.
	Place Place `json:"place,omitzero"`
}

// declared returns the condition as text, and "any path" for one that was not declared.
func (c *Condition) declared() string {
	if c.Implied {
		return "any path"
	}
	return c.Text
}
