package spec

// A Rewrite changes a request before it is sent to the destination (Istio's
// HTTPRewrite). The zero Rewrite changes nothing.
type Rewrite struct {
	// URI replaces the text that the URI of the route matched: the prefix of a
	// prefix match, or the whole path of an exact or regex match. A match
	// without URI counts as the prefix "/". URI is text, not a template. With
	// Native semantics, exactly one slash joins the prefix and the rest.
	URI string
	// URIRegex, instead of URI, replaces every match of an expression in the
	// path. The two cannot be combined.
	URIRegex *RegexRewrite
	// Authority replaces the Host header.
	Authority string
}

// A RegexRewrite replaces every non-overlapping match of an RE2 expression in the
// path, without the query (Istio's RegexRewrite).
type RegexRewrite struct {
	// Match is the RE2 expression, at most 1024 bytes long.
	Match string
	// Rewrite is the replacement: \1 to \9 are the groups, \0 is the whole match,
	// \\ is a backslash.
	Rewrite string
}
