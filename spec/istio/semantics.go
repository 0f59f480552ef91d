package istio

import (
	"fmt"
	"slices"
	"strings"
)

// semantics returns the part of docs/semantics.md about the handling of kinds and
// fields.
func semantics() string {
	var b strings.Builder
	b.WriteString("### Kinds\n\n| Kind | API group | Versions | |\n|---|---|---|---|\n")
	for _, k := range kinds {
		verdict := "skipped"
		switch k.verdict {
		case missed:
			verdict = "skipped with a warning"
		case read:
			verdict = "read"
		case policy:
			verdict = "an error if it applies to the gateway's workload, otherwise a warning: " + k.reason
		}
		if k.name == "EnvoyFilter" {
			verdict = "read if it only limits requests; otherwise " + verdict
		}
		if k.name == "EnvoyFilter" || k.name == "WasmPlugin" {
			verdict += "; an error if it applies to the gateway's workload and refuses requests"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", k.name, k.group, code(k.versions), verdict)
	}
	for _, k := range kubernetesKinds {
		group := "of Kubernetes"
		if k.group != "" {
			group = "`" + k.group + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", k.name, group, code(k.versions), k.use)
	}
	b.WriteString("\nA kind that `" + networkingGroup + "` does not have is an error, and so is a document without a kind. Kinds of all other groups are skipped.\n")
	writeFields(&b, "Fields that are executed", executed)
	writeFields(&b, "Fields that are errors", unexecuted)
	writeFields(&b, "Fields whose traffic is not served, with a warning", unserved)
	writeFields(&b, "Fields that are accepted with a warning", idle)
	writeFields(&b, "Fields that are accepted and change nothing", silent)
	return b.String()
}

func writeFields(b *strings.Builder, title string, t treatment) {
	fmt.Fprintf(b, "\n### %s\n\n", title)
	if t == executed {
		b.WriteString("| Message | Fields |\n|---|---|\n")
	} else {
		b.WriteString("| Message | Fields | Why |\n|---|---|---|\n")
	}
	for _, g := range fieldTable {
		switch {
		case g.treatment != t:
		case t == executed:
			fmt.Fprintf(b, "| `%s` | %s |\n", g.message, code(g.fields))
		default:
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", g.message, code(g.fields), g.reason)
		}
	}
}

func code(words []string) string {
	quoted := slices.Clone(words)
	for i, w := range quoted {
		quoted[i] = "`" + w + "`"
	}
	return strings.Join(quoted, ", ")
}
