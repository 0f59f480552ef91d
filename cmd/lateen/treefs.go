package main

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A treeFS is the files of a git tree. A name is "rev:path", so that findings show where
// a file is. Contents are read when they are asked for. Symbolic links are followed
// inside the tree.
type treeFS struct {
	base  string
	nodes map[string]*treeNode
	read  func(object string) ([]byte, error)
}

// A treeNode is a file or a directory.
type treeNode struct {
	// name is the path in the tree, "." for the top.
	name, object string
	dir, link    bool
	children     []string
}

// directory returns a directory, with all above it.
func (t *treeFS) directory(name string) *treeNode {
	if n := t.nodes[name]; n != nil {
		return n
	}
	n := &treeNode{name: name, dir: true}
	t.nodes[name] = n
	if name != "." {
		above := t.directory(path.Dir(name))
		above.children = append(above.children, name)
	}
	return n
}

func (t *treeFS) add(name, object string, link bool) {
	above := t.directory(path.Dir(name))
	above.children = append(above.children, name)
	t.nodes[name] = &treeNode{name: name, object: object, link: link}
}

// shown returns the name of a path in the tree.
func (t *treeFS) shown(name string) string {
	if name == "." {
		return t.base
	}
	return t.base + name
}

// maxLinks is how many symbolic links are followed for one name.
const maxLinks = 40

// find returns the file or directory of a name, after links.
func (t *treeFS) find(op, name string) (*treeNode, error) {
	missing := &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	if !fs.ValidPath(name) {
		return nil, missing
	}
	inTree, ok := strings.CutPrefix(name, t.base)
	if !ok {
		// One file names another one beside or above it: the base is gone with "..".
		inTree = strings.TrimPrefix(name, path.Dir(t.base)+"/")
	}
	if inTree = strings.TrimPrefix(inTree, "/"); inTree == "" {
		inTree = "."
	}
	for range maxLinks {
		n := t.nodes[inTree]
		if n == nil {
			return nil, missing
		}
		if !n.link {
			return n, nil
		}
		target, err := t.read(n.object)
		if err != nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: err}
		}
		inTree = path.Join(path.Dir(n.name), string(target))
	}
	return nil, missing
}

// Open opens a file or a directory.
func (t *treeFS) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return &treeDirectory{treeEntry{n, path.Base(name), 0}}, nil
	}
	data, err := t.read(n.object)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &treeFile{treeEntry{n, path.Base(name), int64(len(data))}, bytes.NewReader(data)}, nil
}

// ReadDir lists a directory, in the order of names.
func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	var entries []fs.DirEntry
	for _, child := range n.children {
		entries = append(entries, treeEntry{t.nodes[child], path.Base(child), 0})
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Glob returns the one file or directory of a name: a name is no pattern.
func (t *treeFS) Glob(name string) ([]string, error) {
	if _, err := t.find("stat", name); err != nil {
		return nil, nil
	}
	return []string{name}, nil
}

// Stat describes a file or a directory, without reading the file.
func (t *treeFS) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return treeEntry{n, path.Base(name), 0}, nil
}

// A treeEntry describes a file or a directory.
type treeEntry struct {
	*treeNode
	base string
	size int64
}

func (e treeEntry) Name() string               { return e.base }
func (e treeEntry) Size() int64                { return e.size }
func (e treeEntry) IsDir() bool                { return e.dir }
func (e treeEntry) ModTime() time.Time         { return time.Time{} }
func (e treeEntry) Sys() any                   { return nil }
func (e treeEntry) Type() fs.FileMode          { return e.Mode().Type() }
func (e treeEntry) Info() (fs.FileInfo, error) { return e, nil }

func (e treeEntry) Mode() fs.FileMode {
	switch {
	case e.dir:
		return fs.ModeDir | 0o555
	case e.link:
		return fs.ModeSymlink | 0o444
	}
	return 0o444
}

type treeFile struct {
	treeEntry
	io.Reader
}

func (f *treeFile) Stat() (fs.FileInfo, error) { return f.treeEntry, nil }
func (f *treeFile) Close() error               { return nil }

// A treeDirectory is an open directory. ReadDir of the treeFS lists it.
type treeDirectory struct{ treeEntry }

func (d *treeDirectory) Stat() (fs.FileInfo, error) { return d.treeEntry, nil }
func (d *treeDirectory) Close() error               { return nil }

func (d *treeDirectory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.base, Err: fs.ErrInvalid}
}
