package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A revision is a path in a revision of the git repository around the working directory.
type revision struct {
	// text is what was written, "rev:path".
	text string
	// tree is the hash of the revision's tree, and path the path in it, without dots.
	// The path of the whole tree is ".".
	tree, path string
}

// isRevision reports whether an argument is "rev:path". A file of that name wins, and so
// does a path of Windows.
func isRevision(arg string) bool {
	rev, _, found := strings.Cut(arg, ":")
	if !found {
		return false
	}
	if _, err := os.Lstat(arg); err == nil {
		return false
	}
	drive := len(rev) == 1 && len(arg) > 2 && (arg[2] == '\\' || arg[2] == '/')
	return !drive && filepath.VolumeName(arg) == ""
}

// newRevision finds a revision. The path is relative to the top of the repository, or to
// the working directory if it begins with a dot, as git has it.
func newRevision(text string) (*revision, error) {
	rev, name, _ := strings.Cut(text, ":")
	if rev == "" {
		return nil, fmt.Errorf("%q: a revision is expected before the colon: HEAD:%s", text, name)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("%q: there is no such file, and git, which could have a revision of that name, is not installed", text)
	}
	if _, err := git("rev-parse", "--git-dir"); err != nil {
		return nil, fmt.Errorf("%q: there is no such file, and no revision: %w", text, err)
	}
	tree, err := git("rev-parse", "--verify", "--end-of-options", rev+"^{tree}")
	if err != nil {
		return nil, fmt.Errorf("%q: there is no such file, and git knows no revision %q", text, rev)
	}
	r := &revision{text: text, tree: strings.TrimSpace(string(tree)), path: name}
	if name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		prefix, err := git("rev-parse", "--show-prefix")
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		r.path = strings.TrimSuffix(string(prefix), "\n") + name
	}
	r.path = path.Clean(r.path)
	if !fs.ValidPath(r.path) {
		return nil, fmt.Errorf("%q: %s is not inside the repository", text, name)
	}
	return r, nil
}

// files returns the files of the revision. Their contents come from blobs.
func (r *revision) files(blobs *blobReader) (*treeFS, error) {
	listed, err := git("ls-tree", "-r", "-z", "--full-tree", r.tree)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", r.text, err)
	}
	rev, _, _ := strings.Cut(r.text, ":")
	t := &treeFS{base: rev + ":", nodes: map[string]*treeNode{}, read: blobs.read}
	t.directory(".")
	for entry := range strings.SplitSeq(string(listed), "\x00") {
		// <mode> SP <type> SP <object> TAB <file>
		head, name, found := strings.Cut(entry, "\t")
		words := strings.Fields(head)
		if !found || len(words) != 3 || words[1] != "blob" {
			continue // a submodule has no files here
		}
		t.add(name, words[2], words[0] == symbolicLink)
	}
	if t.nodes[r.path] == nil {
		if beside, _ := git("ls-files", "--error-unmatch", "--full-name", "--", ":(top,literal)"+r.path); len(beside) > 0 {
			return nil, fmt.Errorf("%q: there is no %s in %s, though there is one now", r.text, r.path, rev)
		}
		return nil, fmt.Errorf("%q: there is no %s in %s", r.text, r.path, rev)
	}
	return t, nil
}

// symbolicLink is git's mode of one.
const symbolicLink = "120000"

// git runs git, and returns what it prints. The error is what git says.
func git(args ...string) ([]byte, error) {
	cmd := exec.Command("git", args...)
	cmd.Env = gitEnvironment()
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	said, _, _ := strings.Cut(strings.TrimSpace(problem.String()), "\n")
	if said = strings.TrimPrefix(said, "fatal: "); said != "" {
		return nil, errors.New(said)
	}
	return nil, fmt.Errorf("git %s: %w", args[0], err)
}

// gitEnvironment is for a git that writes nothing, asks nothing, and speaks English.
func gitEnvironment() []string {
	return append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
}
