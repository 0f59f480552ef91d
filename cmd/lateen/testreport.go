package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/gatewaytest"
)

// A report is the results of cases.
type report struct {
	results                 []gatewaytest.Result
	passed, failed, skipped int
	coverage                *gatewaytest.Coverage
	// required is the share of the coverage that is required, from 0 to 1.
	required     float64
	showCoverage bool
	verbose      bool
}

func (r *report) add(result gatewaytest.Result) {
	r.results = append(r.results, result)
	switch statusOf(&result) {
	case "failed":
		r.failed++
	case "skipped":
		r.skipped++
	default:
		r.passed++
	}
}

func statusOf(result *gatewaytest.Result) string {
	switch {
	case result.Failed():
		return "failed"
	case result.Skipped != "":
		return "skipped"
	}
	return "passed"
}

// lacksCoverage reports whether the coverage is less than required.
func (r *report) lacksCoverage() bool { return r.coverage.Share() < r.required }

// print prints the results in a format.
func (r *report) print(format string, s streams) error {
	switch format {
	case "tap":
		r.tap(s.out)
	case "junit":
		if err := r.junit(s.out); err != nil {
			return err
		}
		r.printCoverage(s.err, "")
	case "json":
		return r.json(s.out)
	default:
		r.text(s.out)
	}
	return nil
}

// text prints the results for people: the failures in full, and a summary.
func (r *report) text(w io.Writer) {
	for i := range r.results {
		result := &r.results[i]
		switch statusOf(result) {
		case "failed":
			fmt.Fprintf(w, "FAIL  %s%s\n%s\n", atPlace(result), result.Name(), indented(result.String(), "      "))
		case "skipped":
			fmt.Fprintf(w, "skip  %s%s: not compared: %s\n", atPlace(result), result.Name(), result.Skipped)
		default:
			if r.verbose {
				fmt.Fprintf(w, "ok    %s%s\n", atPlace(result), result.Name())
			}
		}
	}
	r.printCoverage(w, "")
	verdict := "ok"
	if r.failed > 0 || r.lacksCoverage() {
		verdict = "FAIL"
	}
	fmt.Fprintf(w, "%s: %s\n", verdict, r.summary())
}

func (r *report) summary() string {
	text := fmt.Sprintf("%s passed", count(r.passed, "case"))
	if r.failed > 0 {
		text += fmt.Sprintf(", %d failed", r.failed)
	}
	if r.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", r.skipped)
	}
	if r.lacksCoverage() {
		text += fmt.Sprintf("; the coverage is %.1f%%, %.1f%% is required", 100*r.coverage.Share(), 100*r.required)
	}
	return text
}

// printCoverage prints the coverage, if that is asked for.
func (r *report) printCoverage(w io.Writer, prefix string) {
	if r.showCoverage {
		io.WriteString(w, indented(r.coverage.String(), prefix))
	}
}

func atPlace(result *gatewaytest.Result) string {
	if at := result.Place(); at != "" {
		return at + ": "
	}
	return ""
}

// indented puts a prefix before each line.
func indented(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix + line)
	}
	return b.String()
}

// tap prints the results in the Test Anything Protocol, version 14.
func (r *report) tap(w io.Writer) {
	fmt.Fprintf(w, "TAP version 14\n1..%d\n", len(r.results))
	escape := strings.NewReplacer(`\`, `\\`, "#", `\#`, "\n", " ")
	for i := range r.results {
		result := &r.results[i]
		name := escape.Replace(result.Name())
		switch statusOf(result) {
		case "failed":
			fmt.Fprintf(w, "not ok %d - %s\n  ---\n", i+1, name)
			if at := result.Place(); at != "" {
				fmt.Fprintf(w, "  at: %s\n", strconv.Quote(at))
			}
			fmt.Fprintf(w, "  message: |\n%s  ...\n", indented(result.String(), "    "))
		case "skipped":
			fmt.Fprintf(w, "ok %d - %s # SKIP %s\n", i+1, name, escape.Replace(result.Skipped))
		default:
			fmt.Fprintf(w, "ok %d - %s\n", i+1, name)
		}
	}
	r.printCoverage(w, "# ")
	fmt.Fprintf(w, "# %s\n", r.summary())
}

// The parts of JUnit's XML.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr,omitempty"`
		Line      int           `xml:"line,attr,omitempty"`
		Failure   *junitFailure `xml:"failure"`
		Skipped   *junitSkipped `xml:"skipped"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// junit prints the results as JUnit's XML, which CI systems read.
func (r *report) junit(w io.Writer) error {
	suite := junitSuite{Name: "lateen", Tests: len(r.results), Failures: r.failed, Skipped: r.skipped}
	for i := range r.results {
		result := &r.results[i]
		file := result.Case.Origin.File
		c := junitCase{
			Name: result.Name(), File: file, Line: result.Case.Origin.Line,
			ClassName: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)),
		}
		switch statusOf(result) {
		case "failed":
			c.Failure = &junitFailure{Message: firstProblem(result), Text: atPlace(result) + result.Name() + "\n" + result.String()}
		case "skipped":
			c.Skipped = &junitSkipped{result.Skipped}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if r.lacksCoverage() {
		suite.Tests++
		suite.Failures++
		suite.Cases = append(suite.Cases, junitCase{Name: "coverage", ClassName: "lateen", Failure: &junitFailure{
			Message: fmt.Sprintf("the coverage is %.1f%%, %.1f%% is required", 100*r.coverage.Share(), 100*r.required), Text: r.coverage.String(),
		}})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func firstProblem(result *gatewaytest.Result) string {
	for _, p := range result.Problems {
		return p.Error()
	}
	for _, d := range result.Differences {
		return d.String()
	}
	return ""
}

// A jsonResult is a result in JSON.
type jsonResult struct {
	Name        string           `json:"name"`
	Place       string           `json:"place,omitempty"`
	Status      string           `json:"status"`
	Differences []jsonDifference `json:"differences,omitempty"`
	Why         []string         `json:"why,omitempty"`
	Problems    []string         `json:"problems,omitempty"`
	Skipped     string           `json:"skipped,omitempty"`
}

type jsonDifference struct {
	Field string `json:"field"`
	Want  string `json:"want"`
	Got   string `json:"got"`
}

// json prints the results as JSON.
func (r *report) json(w io.Writer) error {
	out := struct {
		Passed   int                   `json:"passed"`
		Failed   int                   `json:"failed"`
		Skipped  int                   `json:"skipped"`
		Cases    []jsonResult          `json:"cases"`
		Coverage *gatewaytest.Coverage `json:"coverage,omitempty"`
	}{Passed: r.passed, Failed: r.failed, Skipped: r.skipped}
	if r.showCoverage {
		out.Coverage = r.coverage
	}
	for i := range r.results {
		result := &r.results[i]
		c := jsonResult{Name: result.Name(), Place: result.Place(), Status: statusOf(result), Why: result.Why, Skipped: result.Skipped}
		for _, d := range result.Differences {
			c.Differences = append(c.Differences, jsonDifference(d))
		}
		for _, p := range result.Problems {
			c.Problems = append(c.Problems, p.Error())
		}
		out.Cases = append(out.Cases, c)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// writeCoverage writes a report of the coverage.
func writeCoverage(path string, c *gatewaytest.Coverage) error {
	var data []byte
	switch filepath.Ext(path) {
	case ".info", ".lcov":
		data = []byte(c.LCOV())
	default:
		var err error
		if data, err = json.MarshalIndent(c, "", "  "); err != nil {
			return err
		}
		data = append(data, '\n')
	}
	return os.WriteFile(path, data, 0o644)
}
