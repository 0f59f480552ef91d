package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/lateengo/gateway/spec"
)

// Files is a Source of files and directories. It notices changes through the operating
// system, and looks at all files each Interval in case that fails, as on some network
// file systems. It follows links, also those that Kubernetes replaces in a mounted
// ConfigMap. The certificates, keys and revocation lists that servers and
// DestinationRules name as files are watched too.
//
// A file is not read while another process writes it, where the operating system tells
// (Linux); elsewhere, and for the file of another user, it is not read until it has not
// changed for a quarter of a second. A file that has become empty is an error, as writing
// often begins with that. So is a path that no longer exists; but a file that is removed
// from a directory takes its resources with it.
//
// The fields must not change after Open.
type Files struct {
	// Source reads the files, for example istio.Files. Its method Remember makes it read
	// only documents that have changed.
	Source spec.Source
	// Paths are the files and directories that the Source reads.
	Paths []string
	// Recursive watches the subdirectories of directories too.
	Recursive bool
	// Also are more files to watch, which the Source does not read: certificates that
	// the program itself names.
	Also []string
	// Interval is how often all files are looked at. The default is half a second.
	Interval time.Duration

	mu sync.Mutex // guards what follows
	// read is the state of the files that the latest Declare has read. It is not
	// changed.
	read snapshot
	// named are the files that the latest declarations name.
	named []string
	// filled are the files that had content.
	filled map[string]bool
}

var _ Source = (*Files)(nil)

const (
	// defaultInterval is the default of Files.Interval.
	defaultInterval = 500 * time.Millisecond
	// stable is how long a file must stay the same where nobody tells who writes it.
	stable = 250 * time.Millisecond
	// writing is how often a file is looked at while it is written.
	writing = 10 * time.Millisecond
	// attempts is how often files are read that change at the same time.
	attempts = 5
)

// A reader is a Source that can read its files apart from what they mean, which takes
// longer. The Source of package spec/istio is one.
type reader interface{ Read() spec.Source }

// Declare reads the files. All of them are read as they were at one time, unless other
// programs rename files over them again and again: then each file is read whole.
func (f *Files) Declare() (spec.Declarations, error) {
	for attempt := 1; ; attempt++ {
		before := f.look()
		read := f.readFiles()
		if after := f.look(); !maps.Equal(before, after) && (attempt < attempts || !before.replaces(after)) {
			if attempt == attempts {
				return spec.Declarations{}, unreadable(strings.Join(f.Paths, ", "), "the files change while they are read")
			}
			continue
		}
		d, err := read()
		return d, f.note(before, &d, err)
	}
}

// readFiles reads the files, and returns what they declare.
func (f *Files) readFiles() func() (spec.Declarations, error) {
	if r, ok := f.Source.(reader); ok {
		return r.Read().Declare
	}
	d, err := f.Source.Declare()
	return func() (spec.Declarations, error) { return d, err }
}

// note takes down what a Declare has read, and returns its error with those of files that
// have become empty.
func (f *Files) note(files snapshot, d *spec.Declarations, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if emptied := f.noteContent(files, err == nil); emptied != nil {
		err = errors.Join(err, emptied)
	}
	named := filesNamedBy(d)
	if err != nil {
		// What was declared before is still in service, and what is read now lacks parts.
		named = slices.Concat(f.named, named)
		slices.Sort(named)
		named = slices.Compact(named)
	}
	f.named = named
	for _, path := range f.named {
		files.add(filepath.Clean(path))
	}
	f.read = files
	return err
}

// replaces reports whether all files that are different later are other files: none was
// written while it was read. Where files have no numbers, nobody knows.
func (s snapshot) replaces(later snapshot) bool {
	for path, now := range later {
		if then, ok := s[path]; ok && then != now && then.regular && now.regular && !then.isOther(now.identity) {
			return false
		}
	}
	return true
}

// noteContent reports files that had content and are empty now, and takes down which ones
// have content. f.mu must be locked.
func (f *Files) noteContent(files snapshot, good bool) error {
	var problems []error
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if f.filled[path] && files[path].regular && files[path].size == 0 && isRead(path) {
			problems = append(problems, unreadable(path, "the file has become empty: remove it if that is meant"))
		}
	}
	if len(problems) > 0 || !good {
		return errors.Join(problems...)
	}
	f.filled = make(map[string]bool, len(files))
	for path, s := range files {
		f.filled[path] = s.size > 0
	}
	return nil
}

func unreadable(file, problem string) *spec.Error {
	return &spec.Error{Finding: spec.Finding{File: file, Code: spec.CodeUnreadable, Problem: problem}}
}

// isRead reports whether a file has the name of one with resources.
func isRead(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// Watch implements Source.
func (f *Files) Watch(ctx context.Context, changed func()) error {
	w := watcher{files: f, watched: map[string]bool{}}
	var err error
	if w.notify, err = fsnotify.NewWatcher(); err == nil {
		defer w.notify.Close()
	}
	// Without notifications, looking is enough.
	w.run(ctx, changed)
	return nil
}

// A watcher is one call of Files.Watch.
type watcher struct {
	files *Files
	// notify is nil if the operating system cannot notify.
	notify *fsnotify.Watcher
	// watched are the directories that notify watches.
	watched map[string]bool
}

// run calls changed after each change until ctx ends.
func (w *watcher) run(ctx context.Context, changed func()) {
	w.follow(w.files.look())
	tick := time.NewTicker(cmp.Or(w.files.Interval, defaultInterval))
	defer tick.Stop()
	for {
		// What is not as it was read has changed, also before Watch.
		now, ok := w.settled(ctx)
		if !ok {
			return
		}
		if read := w.files.latest(); read != nil && !maps.Equal(read, now) {
			changed()
		}
		w.follow(now)
		if !w.wait(ctx, tick.C) {
			return
		}
	}
}

// latest returns the state of the files that the latest Declare has read, or nil.
func (f *Files) latest() snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

// wait waits for a notification or a tick. It returns false if ctx ends.
func (w *watcher) wait(ctx context.Context, tick <-chan time.Time) bool {
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.notify != nil {
		events, failures = w.notify.Events, w.notify.Errors
	}
	select {
	case <-ctx.Done():
		return false
	case <-tick:
	case <-events:
	case <-failures:
	}
	return ctx.Err() == nil
}

// settled returns the present state of the files when nobody writes those that differ
// from what was read. It returns false if ctx ends.
func (w *watcher) settled(ctx context.Context) (snapshot, bool) {
	seen := w.files.look()
	since := time.Now()
	for {
		read := w.files.latest()
		busy, sure := beingWritten(seen, read)
		if !busy && (sure || maps.Equal(seen, read) || time.Since(since) >= stable) {
			return seen, true
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(writing):
		}
		if next := w.files.look(); !maps.Equal(next, seen) {
			seen, since = next, time.Now()
		}
	}
}

// beingWritten reports whether some process writes a file that differs from before. It is
// not sure if the operating system does not tell.
func beingWritten(now, before snapshot) (busy, sure bool) {
	sure = true
	for path, s := range now {
		if !s.regular || s == before[path] {
			continue
		}
		written, known := isBeingWritten(path)
		busy, sure = busy || written, sure && known
	}
	return busy, sure
}

// follow makes notify watch the directories of all files.
func (w *watcher) follow(files snapshot) {
	if w.notify == nil {
		return
	}
	wanted := map[string]bool{}
	for path, s := range files {
		wanted[filepath.Dir(path)] = true
		if s.directory {
			wanted[path] = true
		}
		// The file that a link leads to changes in its own directory.
		if s.real != "" {
			wanted[filepath.Dir(s.real)] = true
		}
	}
	for directory := range wanted {
		if !w.watched[directory] && w.notify.Add(directory) == nil {
			w.watched[directory] = true
		}
	}
	for directory := range w.watched {
		if !wanted[directory] {
			_ = w.notify.Remove(directory)
			delete(w.watched, directory)
		}
	}
	// A directory that was removed and made again is another one.
	listed := w.notify.WatchList()
	for directory := range w.watched {
		if !slices.Contains(listed, directory) {
			delete(w.watched, directory)
		}
	}
}

// A snapshot is the state of files by path.
type snapshot map[string]state

// A state is what is known of a file without reading it.
type state struct {
	identity
	size int64
	// modified is in nanoseconds.
	modified           int64
	regular, directory bool
	// real is where a link leads, or "".
	real string
	// problem is why there is no file.
	problem string
}

// look returns the state of all files.
func (f *Files) look() snapshot {
	out := snapshot{}
	for _, path := range f.Paths {
		f.lookAt(out, filepath.Clean(path), 0)
	}
	f.mu.Lock()
	named := f.named
	f.mu.Unlock()
	for _, path := range slices.Concat(f.Also, named) {
		out.add(filepath.Clean(path))
	}
	return out
}

// maxDepth bounds how deep subdirectories are followed.
const maxDepth = 100

// lookAt adds a path, and the files of a directory.
func (f *Files) lookAt(to snapshot, path string, depth int) {
	s := to.add(path)
	if !s.directory || depth > maxDepth {
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		s.problem = err.Error()
		to[path] = s
		return
	}
	for _, e := range entries {
		// As package spec/istio, but for the links of a mounted ConfigMap.
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		entry := filepath.Join(path, e.Name())
		switch {
		case e.Type().IsRegular():
			to.addFile(entry, false)
		case !e.IsDir():
			to.add(entry)
		case f.Recursive:
			f.lookAt(to, entry, depth+1)
		}
	}
}

// add adds the state of one file, which can be a link, or be in a linked directory.
func (to snapshot) add(path string) state { return to.addFile(path, true) }

// addFile is add for a file that can be a link, or not. Where links lead takes several
// times as long as the rest.
func (to snapshot) addFile(path string, link bool) state {
	var s state
	info, err := os.Stat(path)
	if err != nil {
		s.problem = problemOf(err)
		to[path] = s
		return s
	}
	s.identity = identityOf(path, info)
	s.regular, s.directory = info.Mode().IsRegular(), info.IsDir()
	if !s.directory {
		// What is in a directory is looked at itself.
		s.size, s.modified = info.Size(), info.ModTime().UnixNano()
	}
	if link {
		if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
			s.real = real
		}
	}
	to[path] = s
	return s
}

// problemOf returns the cause of an error.
func problemOf(err error) string {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err.Error()
	}
	return fmt.Sprint(err)
}
