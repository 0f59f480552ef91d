package header

import (
	"net/http"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/text"
)

func (p *Operations) Print(t *text.Lines, of string) {
	if p == nil {
		return
	}
	for _, key := range p.remove {
		t.Line("%s remove %s", of, strings.ToLower(key))
	}
	for i := range p.Set {
		t.Line("%s set %s: %s", of, strings.ToLower(p.Set[i].Key), p.Set[i].declared())
	}
	for i := range p.Add {
		t.Line("%s add %s: %s", of, strings.ToLower(p.Add[i].Key), p.Add[i].declared())
	}
}

// declared returns the value as it was declared.
func (v *Value) declared() string {
	if v.Format == nil {
		return strings.ReplaceAll(v.text, "%", "%%")
	}
	return v.text
}

// Operations returns the operations in the order in which they are done.
func (p *Operations) Operations() []inspect.HeaderOperation {
	if p == nil {
		return nil
	}
	var out []inspect.HeaderOperation
	for _, key := range p.remove {
		out = append(out, inspect.HeaderOperation{Kind: "remove", Name: strings.ToLower(key)})
	}
	for i := range p.Set {
		out = append(out, inspect.HeaderOperation{Kind: "set", Name: strings.ToLower(p.Set[i].Key), Value: p.Set[i].declared()})
	}
	for i := range p.Add {
		out = append(out, inspect.HeaderOperation{Kind: "add", Name: strings.ToLower(p.Add[i].Key), Value: p.Add[i].declared()})
	}
	return out
}

// Results returns what each of Operations writes to a message with the header h, "" for
// nothing. It does not change h.
func (p *Operations) Results(h http.Header, c *Context) []string {
	if p == nil {
		return nil
	}
	h = h.Clone()
	for _, key := range p.remove {
		delete(h, key)
	}
	own := Context{}
	if c != nil {
		own = *c
	}
	own.Request = h
	out := make([]string, len(p.remove), len(p.remove)+len(p.Set)+len(p.Add))
	for _, list := range [][]Value{p.Set, p.Add} {
		for i := range list {
			out = append(out, list[i].Value(&own))
		}
	}
	return out
}
