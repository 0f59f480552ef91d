package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// The types of a SARIF 2.1.0 log, as far as findings need them.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		URI     string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription sarifMessage `json:"shortDescription"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// otherRule is the rule of findings without a code.
const otherRule = "configuration"

// writeSARIF writes a SARIF log, the form that code hosts read.
func (c *checked) writeSARIF(w io.Writer) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	driver := &run.Tool.Driver
	driver.Name, driver.Version, driver.URI = "lateen", version(), "https://"+modulePath
	driver.Rules = []sarifRule{}
	add := func(level string, list []spec.Finding) {
		for _, f := range list {
			id := string(cmp.Or(f.Code, otherRule))
			at := slices.IndexFunc(driver.Rules, func(r sarifRule) bool { return r.ID == id })
			if at < 0 {
				at = len(driver.Rules)
				driver.Rules = append(driver.Rules, sarifRule{id, sarifMessage{ruleText(id)}})
			}
			result := sarifResult{RuleID: id, RuleIndex: at, Level: level}
			if f.File != "" {
				location := sarifLocation{sarifPhysical{Artifact: sarifArtifact{fileURI(f.File)}}}
				if f.Line > 0 {
					location.Physical.Region = &sarifRegion{f.Line, f.Column}
				}
				result.Locations = []sarifLocation{location}
			}
			f.File = ""
			result.Message.Text = oneLine(f.String())
			run.Results = append(run.Results, result)
		}
	}
	add("error", c.errors)
	add("warning", c.warnings)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// fileURI returns the URI of a file: relative for a relative path.
func fileURI(file string) string {
	u := url.URL{Path: filepath.ToSlash(file)}
	if filepath.IsAbs(file) {
		u.Scheme = "file"
	}
	return u.String()
}

// ruleText says what findings with a code are about.
func ruleText(code string) string {
	if text := ruleTexts[code]; text != "" {
		return text
	}
	return "A problem of the configuration: " + code
}

var ruleTexts = map[string]string{
	otherRule: "A part of the configuration has no effect, or another one than it seems to have",

	string(spec.CodeInvalid):      "A value is not allowed in its place",
	string(spec.CodeMissing):      "A required value is missing",
	string(spec.CodeUnknownField): "A field does not exist",
	string(spec.CodeConflict):     "Two settings cannot be combined",
	string(spec.CodeDuplicate):    "Something is declared twice",
	string(spec.CodeNotFound):     "A name refers to nothing",
	string(spec.CodeUnsupported):  "Something that Istio accepts is not executed",
	string(spec.CodeSyntax):       "The text is not YAML or JSON",
	string(spec.CodeUnreadable):   "A file cannot be read",

	"IST0101": "A resource that is named does not exist",
	"IST0130": "A route gets no requests, because earlier ones match all of them",
	"IST0131": "A match gets no requests, because earlier ones match all of them",
	"IST0132": "No server of the Gateway has the host of the VirtualService",
}
