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

// An input is one file's text, or why there is none.
type input struct {
	name string
	data []byte
	err  error
}

var errEmptyDirectory = errors.New("the directory holds no *.yaml, *.yml or *.json file")

func readFiles(paths []string) []input {
	var inputs []input
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err != nil:
			inputs = append(inputs, input{name: p, err: err})
		case info.IsDir():
			inputs = append(inputs, readDirectory(os.DirFS(p), ".", func(name string) string { return filepath.Join(p, name) })...)
		default:
			data, err := os.ReadFile(p)
			inputs = append(inputs, input{name: p, data: data, err: err})
		}
	}
	return inputs
}

func readFS(fsys fs.FS, patterns []string) []input {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	var inputs []input
	for _, pattern := range patterns {
		names, err := fs.Glob(fsys, pattern)
		if err == nil && len(names) == 0 {
			err = errors.New("no file matches the pattern")
		}
		if err != nil {
			inputs = append(inputs, input{name: pattern, err: err})
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
				inputs = append(inputs, readDirectory(fsys, name, func(n string) string { return n })...)
				continue
			}
			data, err := fs.ReadFile(fsys, name)
			inputs = append(inputs, input{name: name, data: data, err: err})
		}
	}
	return inputs
}

// readDirectory reads the files of one directory; shown turns a name in fsys
// into the one that findings show.
func readDirectory(fsys fs.FS, directory string, shown func(string) string) []input {
	entries, err := fs.ReadDir(fsys, directory)
	if err != nil {
		return []input{{name: shown(directory), err: err}}
	}
	var inputs []input
	for _, entry := range entries {
		// Editors leave locks and drafts under names that begin with a dot.
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		name := path.Join(directory, entry.Name())
		switch path.Ext(name) {
		case ".yaml", ".yml", ".json":
		default:
			continue
		}
		// A ConfigMap's mount is made of symbolic links, so the entry's own
		// type does not tell.
		if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
			continue
		}
		data, err := fs.ReadFile(fsys, name)
		inputs = append(inputs, input{name: shown(name), data: data, err: err})
	}
	if len(inputs) == 0 {
		return []input{{name: shown(directory), err: errEmptyDirectory}}
	}
	return inputs
}
