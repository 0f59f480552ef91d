package istio

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A named is a path that was given to a Source, and its files.
type named struct {
	name   string
	inputs []input
	// subdirectories means that it is a directory with unread subdirectories.
	subdirectories bool
	// text means that it is not a file, so it may be empty.
	text bool
	// beside reads the file that another file names, relative to itself. It is nil if
	// there are no other files.
	beside func(file, name string) (shown string, data []byte, err error)
}

// An input is the text of one file, or why there is none.
type input struct {
	name string
	data []byte
	err  error
	// found means that the file was found in a directory or by a pattern.
	found bool
	// chart means that the file is the file of a Helm chart, whose templates are
	// not read.
	chart bool
}

var errEmptyDirectory = errors.New("the directory contains no *.yaml, *.yml or *.json file")

func readFiles(paths []string, recursive bool) []named {
	var all []named
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil || !info.IsDir() {
			var data []byte
			if err == nil {
				data, err = os.ReadFile(p)
			}
			all = append(all, named{name: p, inputs: []input{{name: p, data: data, err: err}}, beside: besideFile})
			continue
		}
		w := walk{fsys: os.DirFS(p), recursive: recursive, shown: func(name string) string { return filepath.Join(p, name) }}
		// The directory's own name decides, also for a directory given as ".".
		if whole, err := filepath.Abs(p); err == nil && filepath.Base(whole) == templates {
			if _, err := os.Stat(filepath.Join(p, "..", chartFile)); err == nil {
				w.inputs = append(w.inputs, input{name: filepath.Join(p, "..", chartFile), chart: true})
				all = append(all, named{name: p, inputs: w.inputs})
				continue
			}
		}
		n := w.named(".", p)
		n.beside = besideFile
		all = append(all, n)
	}
	return all
}

var errNoFile = errors.New("it is not a file")

// besideFile reads a file by its name relative to another one.
func besideFile(file, name string) (shown string, data []byte, err error) {
	shown = filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
	if info, err := os.Stat(shown); err == nil && !info.Mode().IsRegular() {
		return shown, nil, errNoFile // Reading a pipe could take forever.
	}
	data, err = os.ReadFile(shown)
	return shown, data, err
}

// besideIn returns a function like besideFile for the files of fsys.
func besideIn(fsys fs.FS) func(file, name string) (string, []byte, error) {
	return func(file, name string) (shown string, data []byte, err error) {
		shown = path.Join(path.Dir(file), name)
		if isOutside(shown) {
			return shown, nil, errOutside
		}
		if info, err := fs.Stat(fsys, shown); err == nil && !info.Mode().IsRegular() {
			return shown, nil, errNoFile
		}
		data, err = fs.ReadFile(fsys, shown)
		return shown, data, err
	}
}

func readFS(fsys fs.FS, patterns []string, recursive bool) []named {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	var all []named
	for _, pattern := range patterns {
		names, err := fs.Glob(fsys, pattern)
		if err == nil && len(names) == 0 {
			err = errors.New("no file matches the pattern")
		}
		if err != nil {
			all = append(all, named{name: pattern, inputs: []input{{name: pattern, err: err}}})
			continue
		}
		slices.Sort(names)
		n := named{name: pattern, beside: besideIn(fsys)}
		for _, name := range names {
			if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
				w := walk{fsys: fsys, recursive: recursive, shown: func(n string) string { return n }}
				found := w.named(name, name)
				n.inputs = append(n.inputs, found.inputs...)
				n.subdirectories = n.subdirectories || found.subdirectories
				continue
			}
			data, err := fs.ReadFile(fsys, name)
			n.inputs = append(n.inputs, input{name: name, data: data, err: err, found: name != pattern})
		}
		all = append(all, n)
	}
	return all
}

// A walk reads the files of a directory.
type walk struct {
	fsys      fs.FS
	recursive bool
	// shown converts a name in fsys to the name in findings.
	shown  func(string) string
	inputs []input
	// passed means that a subdirectory was not read.
	passed bool
}

// named reads a directory that was given as name.
func (w *walk) named(directory, name string) named {
	w.directory(directory)
	if len(w.inputs) == 0 && !w.passed {
		w.inputs = []input{{name: name, err: errEmptyDirectory}}
	}
	return named{name: name, inputs: w.inputs, subdirectories: w.passed}
}

const (
	// A Helm chart is a directory that contains this file and this directory.
	chartFile, templates = "Chart.yaml", "templates"
)

func (w *walk) directory(directory string) {
	entries, err := fs.ReadDir(w.fsys, directory)
	if err != nil {
		w.inputs = append(w.inputs, input{name: w.shown(directory), err: err})
		return
	}
	is := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	chart := is(chartFile) && is(templates)
	for _, entry := range entries {
		// Editors write locks and drafts under names that begin with a dot.
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		name := path.Join(directory, entry.Name())
		switch {
		case !entry.IsDir():
			w.file(name, chart && entry.Name() == chartFile)
		case chart && entry.Name() == templates:
			// They are text for Helm, which is reported once for the chart.
		case w.recursive:
			w.directory(name)
		default:
			w.passed = true
		}
	}
}

func (w *walk) file(name string, chart bool) {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
	default:
		if !isKustomizationFile(name) {
			return
		}
	}
	// A mounted ConfigMap consists of symbolic links, so the entry's own type does
	// not help.
	if info, err := fs.Stat(w.fsys, name); err == nil && info.IsDir() {
		return
	}
	data, err := fs.ReadFile(w.fsys, name)
	w.inputs = append(w.inputs, input{name: w.shown(name), data: data, err: err, found: true, chart: chart})
}
