package spec

// A Rewrite changes the request on its way to the destination (Istio's
// HTTPRewrite). The zero Rewrite changes nothing.
type Rewrite struct {
	// URI replaces the text that the route's URI matched: the prefix of a
	// prefix match, the whole path of an exact or regex match. A match without
	// URI counts as the prefix "/". It is text, not a template. Under Native a
	// prefix and the rest meet at exactly one slash.
	URI string
	// URIRegex replaces every occurrence of an expression in the path instead.
	// URI and URIRegex exclude each other.
	URIRegex *RegexRewrite
	// Authority replaces the Host header.
	Authority string
}

// A RegexRewrite replaces every non-overlapping occurrence of an RE2
// expression in the path, without the query (Istio's RegexRewrite).
type RegexRewrite struct {
	// Match is the RE2 expression, at most 1024 bytes.
	Match string
	// Rewrite is the replacement: \1 to \9 are the groups, \0 the occurrence,
	// \\ a backslash.
	Rewrite string
}
