package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// The forms of what check finds.
var findingFormats = []string{"text", "json", "github", "sarif"}

// A checked configuration is what check has found in it.
type checked struct {
	errors, warnings []spec.Finding
	skipped          []spec.Skipped
	// listeners, hosts and routes are numbers. They are 0 if there are errors.
	listeners, hosts, routes int
}

// newChecked returns what was found: the error of a Build, and warnings.
func newChecked(err error, warnings []spec.Warning, skipped []spec.Skipped) *checked {
	c := &checked{skipped: skipped, errors: findingsOf(err)}
	for i := range warnings {
		c.warnings = append(c.warnings, onCommandLine(warnings[i].Finding))
	}
	return c
}

// findingsOf returns the findings of an error. An error that is none has only its text.
func findingsOf(err error) []spec.Finding {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []spec.Finding
		for _, e := range joined.Unwrap() {
			all = append(all, findingsOf(e)...)
		}
		return all
	}
	var e *spec.Error
	if errors.As(err, &e) {
		return []spec.Finding{onCommandLine(e.Finding)}
	}
	return []spec.Finding{{Problem: err.Error()}}
}

// onCommandLine returns a finding without its place in this program, if it is about a flag.
func onCommandLine(f spec.Finding) spec.Finding {
	switch f.Kind {
	case "Backend", "Credential":
		return spec.Finding{Code: f.Code, Field: "--" + strings.ToLower(f.Kind), Problem: f.Problem, Suggestion: f.Suggestion}
	}
	return f
}

// sum counts the parts of the printed form of a gateway.
func (c *checked) sum(program string) {
	for line := range strings.Lines(program) {
		switch word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "listener":
			c.listeners++
		case "host":
			c.hosts++
		default:
			if word != "" && strings.Trim(word, "0123456789") == "" {
				c.routes++
			}
		}
	}
}

// summary is the result in one line.
func (c *checked) summary() string {
	return fmt.Sprintf("%s, %s, %s, %s", count(c.listeners, "listener"), count(c.hosts, "virtual host"), count(c.routes, "route"), count(len(c.warnings), "warning"))
}

// A jsonFinding is a finding as check --json prints it.
type jsonFinding struct {
	File       string    `json:"file,omitempty"`
	Line       int       `json:"line,omitempty"`
	Column     int       `json:"column,omitempty"`
	Kind       string    `json:"kind,omitempty"`
	Namespace  string    `json:"namespace,omitempty"`
	Name       string    `json:"name,omitempty"`
	Field      string    `json:"field,omitempty"`
	Code       spec.Code `json:"code,omitempty"`
	Problem    string    `json:"problem"`
	Suggestion string    `json:"suggestion,omitempty"`
	// Text is all of it, as without --json.
	Text string `json:"text"`
}

func jsonFindings(list []spec.Finding) []jsonFinding {
	out := make([]jsonFinding, len(list))
	for i := range list {
		f := &list[i]
		out[i] = jsonFinding{
			f.File, f.Line, f.Column, f.Kind, f.Namespace, f.Name, f.Field,
			f.Code, oneLine(f.Problem), f.Suggestion, oneLine(f.String()),
		}
	}
	return out
}

// writeJSON writes one object.
func (c *checked) writeJSON(w io.Writer, ok bool) error {
	type skipped struct {
		APIVersion string `json:"apiVersion,omitempty"`
		Kind       string `json:"kind,omitempty"`
		Count      int    `json:"count"`
	}
	out := struct {
		OK       bool          `json:"ok"`
		Errors   []jsonFinding `json:"errors"`
		Warnings []jsonFinding `json:"warnings"`
		// Skipped are the kinds that are not read. A document without a kind is no
		// resource.
		Skipped      []skipped `json:"skipped"`
		Listeners    int       `json:"listeners"`
		VirtualHosts int       `json:"virtualHosts"`
		Routes       int       `json:"routes"`
	}{ok, jsonFindings(c.errors), jsonFindings(c.warnings), []skipped{}, c.listeners, c.hosts, c.routes}
	for i := range c.skipped {
		s := &c.skipped[i]
		at := slices.IndexFunc(out.Skipped, func(o skipped) bool { return o.APIVersion == s.APIVersion && o.Kind == s.Kind })
		if at < 0 {
			at = len(out.Skipped)
			out.Skipped = append(out.Skipped, skipped{APIVersion: s.APIVersion, Kind: s.Kind})
		}
		out.Skipped[at].Count++
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// writeGitHub writes commands of GitHub's workflows, which show the findings beside the
// lines of a change.
func (c *checked) writeGitHub(w io.Writer) {
	text := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	write := func(level string, list []spec.Finding) {
		for _, f := range list {
			var at []string
			if f.File != "" {
				at = append(at, "file="+property.Replace(filepath.ToSlash(f.File)))
				if f.Line > 0 {
					at = append(at, fmt.Sprintf("line=%d", f.Line))
				}
				if f.Column > 0 {
					at = append(at, fmt.Sprintf("col=%d", f.Column))
				}
			}
			title := "lateen"
			if f.Code != "" {
				title += " " + string(f.Code)
			}
			at = append(at, "title="+property.Replace(title))
			f.File = ""
			fmt.Fprintf(w, "::%s %s::%s\n", level, strings.Join(at, ","), text.Replace(oneLine(f.String())))
		}
	}
	write("error", c.errors)
	write("warning", c.warnings)
}
