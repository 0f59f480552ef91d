package gatewaytest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// Files reads the cases of files and directories, in order. Of a directory it reads the
// *.yaml, *.yml and *.json files, also of its subdirectories, and skips documents that are
// something else, such as the configuration; names that begin with a dot are left out. A
// path without any case is an error. The format of each document is found by its keys:
//
//   - "cases" is the format of this package, as docs/testing.md describes it;
//   - "testCases" is the format of istio-config-validator. Each combination of an
//     authority, a method and a URI is a case;
//   - "tests", or a list at the top, is the format of Envoy's router_check_tool.
//
// The error joins a *spec.Error for each problem. Files still returns the cases without
// problems.
func Files(paths ...string) ([]Case, error) {
	var cases []Case
	var problems []error
	for _, path := range paths {
		files, found, err := listFiles(path)
		if err != nil {
			problems = append(problems, unreadable(path, err))
			continue
		}
		before, failed := len(cases), len(problems)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				problems = append(problems, unreadable(file, err))
				continue
			}
			more, err := read(file, data, found)
			cases = append(cases, more...)
			if err != nil {
				problems = append(problems, err)
			}
		}
		if len(cases) == before && len(problems) == failed {
			problems = append(problems, &spec.Error{Finding: spec.Finding{File: path, Code: spec.CodeMissing, Problem: "there is no case"}})
		}
	}
	return cases, errors.Join(problems...)
}

// Parse reads the cases of a text, as Files reads those of a file. name is the name of the
// file in errors.
func Parse(name string, data []byte) ([]Case, error) {
	cases, err := read(name, data, false)
	if err == nil && len(cases) == 0 {
		err = &spec.Error{Finding: spec.Finding{File: name, Code: spec.CodeMissing, Problem: "there is no case"}}
	}
	return cases, err
}

func unreadable(file string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return &spec.Error{Finding: spec.Finding{File: file, Code: spec.CodeUnreadable, Problem: "cannot be read: " + err.Error()}}
}

// listFiles returns the files of a path. found means that it is a directory.
func listFiles(path string) (files []string, found bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, false, err
	}
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && file != path
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case entry.IsDir() || hidden:
		default:
			switch filepath.Ext(file) {
			case ".yaml", ".yml", ".json":
				files = append(files, file)
			}
		}
		return nil
	})
	return files, true, err
}

// read reads the cases of a file. found means that it is in a directory, where other files
// may stand.
func read(name string, data []byte, found bool) ([]Case, error) {
	f := &caseFile{name: name}
	var cases []Case
	for _, top := range f.documents(data) {
		switch {
		case top.has("cases"):
			cases = append(cases, f.ownCases(top)...)
		case top.has("testCases"):
			cases = append(cases, f.validatorCases(top)...)
		case top.has("tests") || isOldRouterCheck(top):
			cases = append(cases, f.routerCheckCases(top)...)
		case top.has("apiVersion") && top.has("kind"):
		case found && !almostCases(top):
		default:
			top.failf(spec.CodeInvalid, `the key "cases", "testCases" or "tests" is expected, found %s`, describe(top))
		}
	}
	return cases, errors.Join(f.errors...)
}

// almostCases reports whether a key of a document is a misspelled one of a format.
func almostCases(top node) bool {
	for _, name := range top.names() {
		if suggest.Closest(name, []string{"cases", "testCases", "tests"}) != "" {
			return true
		}
	}
	return false
}

// describe says what a document is.
func describe(top node) string {
	if names := top.names(); len(names) > 0 {
		return "the keys " + clip(strings.Join(names, ", "))
	}
	return top.found()
}
