package header

import (
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
