package istio

import (
	"runtime"
	"strings"
)

// configMap reads a ConfigMap with the configuration of envoyproxy/ratelimit, as a cluster
// mounts it for the service: each key is a file with one domain.
func (l *loader) configMap(r *reader, v *value) bool {
	data, _ := v.field("data")
	if data == nil || data.form != object {
		return false
	}
	found := false
	for i, k := range data.keys {
		e := data.elements[i]
		if e.form != text || !strings.HasSuffix(k.name, ".yaml") && !strings.HasSuffix(k.name, ".yml") {
			continue
		}
		d := &document{file: r.origin.File, key: k.name, text: e.scalar, before: e.line - 1}
		if r.isBlock(e) {
			d.before = e.line
		}
		root, err := d.parse()
		if err == nil && root != nil && isLimitFile(root) {
			found = true
			l.limitFile(d, root)
		}
		runtime.KeepAlive(root)
	}
	return found
}

// isBlock reports whether a text begins on the line after its place, as it does with
// "key: |".
func (r *reader) isBlock(v *value) bool {
	at, ok := r.origin.Fields.(locator)
	if !ok {
		return false
	}
	lines := strings.SplitN(at.document.text, "\n", v.line-at.document.before+1)
	n := v.line - at.document.before - 1
	if n < 0 || n >= len(lines) {
		return false
	}
	line := strings.TrimRight(lines[n], " \r0123456789+-")
	return strings.HasSuffix(line, "|") || strings.HasSuffix(line, ">")
}
