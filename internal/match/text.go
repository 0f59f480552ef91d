package match

// String returns all conditions as text, such as: prefix "/a", header x-user present.
func (c *Clause) String() string {
	text := c.URI.String()
	for i := range c.Conditions {
		text += ", " + c.Conditions[i].String()
	}
	return text
}
