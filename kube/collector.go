package kube

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// pauses are how long the source waits in some cases.
type pauses struct {
	// first and last are the pauses before the API server is asked again after an
	// error. They grow by half of themselves at random, so that all replicas do not
	// ask at once.
	first, last time.Duration
	// denied is the pause after an answer that the right is missing, and absent
	// after one that there is no such kind.
	denied, absent time.Duration
	// gone is how long a kind must be absent until its objects are: an API server that
	// starts does not know all kinds at once.
	gone time.Duration
	// list is how long an answer with all objects may take.
	list time.Duration
	// lease are the times of the Lease.
	lease leaseTimes
}

// With these, changes are in sync within 2 s after the API server has recovered.
var defaultPauses = pauses{
	first: 200 * time.Millisecond, last: time.Second,
	denied: 10 * time.Second, absent: 10 * time.Second, gone: 30 * time.Second, list: time.Minute,
	lease: defaultLeaseTimes,
}

// A scope is what one collector collects: all objects of a kind, or those of a namespace,
// or one by its name.
type scope struct {
	kind            *kind
	namespace, name string
}

// A collector keeps the objects of a scope as they are in the cluster.
type collector struct {
	scope
	source *Source
	cancel context.CancelFunc

	// The source's mu guards what follows.

	// keys are the objects that are there.
	keys map[key]bool
	// version is the version that is read, or "" if none is served.
	version string
	// synced means that all objects were read once, denied that they may not be read,
	// and absent that there is no such kind.
	synced, denied, absent bool
	// err is why the objects are not current, since then.
	err   error
	since time.Time
}

// isSettled reports whether nothing is to be waited for at start.
func (c *collector) isSettled() bool { return c.synced || c.denied || c.absent }

// adjust starts the collectors that are needed now, and stops the others. s.mu must be
// locked.
func (s *Source) adjust() {
	if s.ctx.Err() != nil {
		return
	}
	wanted := map[scope]bool{}
	for _, k := range kinds {
		switch {
		case k == secrets:
			for _, name := range s.namedSecrets() {
				wanted[scope{k, s.options.WorkloadNamespace, name}] = true
			}
		case k.group == security:
			// Others are not for the gateway.
			for _, namespace := range []string{rootNamespace, s.options.WorkloadNamespace} {
				wanted[scope{k, namespace, ""}] = true
			}
		case k == nodes && !s.options.Nodes, k == pods && !s.needsPods():
		case k.cluster || len(s.options.Namespaces) == 0:
			wanted[scope{k, metav1.NamespaceAll, ""}] = true
		default:
			for _, namespace := range s.options.Namespaces {
				wanted[scope{k, namespace, ""}] = true
			}
		}
	}
	for w, c := range s.collectors {
		if !wanted[w] {
			c.cancel()
			for k := range c.keys {
				delete(s.objects, k)
			}
			delete(s.collectors, w)
		}
	}
	for w := range wanted {
		if s.collectors[w] == nil {
			ctx, cancel := context.WithCancel(s.ctx)
			c := &collector{scope: w, source: s, cancel: cancel, keys: map[key]bool{}}
			s.collectors[w] = c
			s.running.Go(func() { c.run(ctx) })
		}
	}
}

// ordered returns the collectors in order. s.mu must be locked.
func (s *Source) ordered() []*collector {
	return slices.SortedFunc(maps.Values(s.collectors), func(a, b *collector) int {
		return cmp.Or(cmp.Compare(a.kind.position(), b.kind.position()), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

// isComplete reports whether all objects of a kind were read. s.mu must be locked.
func (s *Source) isComplete(k *kind) bool {
	for _, c := range s.collectors {
		if c.kind == k && !c.synced {
			return false
		}
	}
	return true
}

// run collects until ctx ends.
func (c *collector) run(ctx context.Context) {
	var missing time.Time
	for ctx.Err() == nil {
		version, err := c.servedVersion(ctx)
		switch {
		case err != nil:
			c.failed(err)
			sleep(ctx, wait.Jitter(c.source.pauses.last, 0.5))
		case version == "":
			if missing.IsZero() {
				missing = time.Now()
			}
			c.isAbsent(time.Since(missing) >= c.source.pauses.gone)
			sleep(ctx, wait.Jitter(c.source.pauses.absent, 0.5))
		default:
			missing = time.Time{}
			c.follow(ctx, version)
			// The version is perhaps no longer served, or not yet.
			sleep(ctx, wait.Jitter(c.source.pauses.last, 0.5))
		}
	}
}

// servedVersion returns the preferred version of those that the API server serves, or "".
func (c *collector) servedVersion(ctx context.Context) (string, error) {
	if c.kind.installed {
		return c.kind.versions[0], nil
	}
	for _, version := range c.kind.versions {
		ok, err := c.source.clients.serves(ctx, c.kind, version)
		if err != nil {
			return "", err
		}
		if ok {
			return version, nil
		}
	}
	return "", nil
}

// follow lists and watches the objects in a version, until ctx ends or the version is no
// longer served.
func (c *collector) follow(ctx context.Context, version string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.source.mu.Lock()
	c.version = version
	c.source.mu.Unlock()
	client := c.source.clients.objects.Resource(schema.GroupVersionResource{Group: c.kind.group, Version: version, Resource: c.kind.resource})
	var from dynamic.ResourceInterface = client
	if !c.kind.cluster && c.namespace != "" {
		from = client.Namespace(c.namespace)
	}
	restrict := func(o metav1.ListOptions) metav1.ListOptions {
		if c.name != "" {
			// With this selector, a right on one name is enough.
			o.FieldSelector = "metadata.name=" + c.name
		}
		return o
	}
	// before waits as long as an earlier answer demands.
	before := func(ctx context.Context) {
		c.source.mu.Lock()
		denied := c.denied
		c.source.mu.Unlock()
		if denied {
			sleep(ctx, wait.Jitter(c.source.pauses.denied, 0.5))
		}
	}
	after := func(err error) {
		c.failed(err)
		if apierrors.IsNotFound(err) && !c.kind.installed {
			cancel()
		}
	}
	lists := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			before(ctx)
			bounded, cancel := context.WithTimeout(ctx, c.source.pauses.list)
			defer cancel()
			list, err := from.List(bounded, restrict(o))
			if err != nil {
				after(err)
				return nil, err
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			before(ctx)
			w, err := from.Watch(ctx, restrict(o))
			if err != nil {
				if !apierrors.IsInvalid(err) || o.SendInitialEvents == nil {
					after(err)
				}
				return nil, err
			}
			if o.SendInitialEvents == nil {
				c.current()
			}
			return w, nil
		},
	}
	p, discard := c.source.pauses, logr.Discard()
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lists, c.source.clients.objects), &unstructured.Unstructured{}, c, cache.ReflectorOptions{
		Logger:          &discard,
		Name:            c.kind.title(),
		TypeDescription: c.kind.title(),
		Backoff:         &wait.Backoff{Duration: p.first, Cap: p.last, Steps: 10, Factor: 1.5, Jitter: 0.5},
	})
	reflector.RunWithContext(ctx)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// where describes the scope in messages.
func (c *collector) where() string {
	switch {
	case c.name != "":
		return fmt.Sprintf("%s with the name %s in the namespace %s", c.kind.title(), c.name, c.namespace)
	case c.namespace != "":
		return fmt.Sprintf("%s in the namespace %s", c.kind.title(), c.namespace)
	}
	return c.kind.title() + " in the whole cluster"
}

// failed takes down that the objects are not current.
func (c *collector) failed(err error) {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		// The next list mends that.
		return
	}
	denied := apierrors.IsForbidden(err)
	if denied {
		err = fmt.Errorf("the right to list and watch %s is missing", c.where())
	}
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	if c.err == nil {
		c.since = time.Now()
	}
	if c.err == nil || c.denied != denied {
		s.options.Log.Warn("objects of the cluster cannot be read: those that are known stay in service", "kind", c.kind.title(), "namespace", c.namespace, "error", err)
	}
	c.err, c.denied = err, denied
	s.noteSettled()
}

// current takes down that the objects are current.
func (c *collector) current() {
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	c.becomeCurrent()
}

func (c *collector) becomeCurrent() {
	s := c.source
	if c.err != nil || c.absent {
		s.options.Log.Info("objects of the cluster can be read", "kind", c.kind.title(), "namespace", c.namespace, "version", c.version)
	}
	c.err, c.since, c.denied, c.absent = nil, time.Time{}, false, false
	s.noteSettled()
}

// isAbsent takes down that there is no such kind. If that is so for long enough, its
// objects are gone.
func (c *collector) isAbsent(gone bool) {
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.absent {
		s.options.Log.Info("the cluster has no such kind: it is looked for again from time to time", "kind", c.kind.title())
	}
	c.absent, c.denied, c.version, c.err, c.since = true, false, "", nil, time.Time{}
	if gone || !c.synced {
		c.replace(nil)
	}
	s.noteSettled()
}

// noteSettled tells those who wait. s.mu must be locked.
func (s *Source) noteSettled() {
	close(s.settled)
	s.settled = make(chan struct{})
}

// replace replaces all objects. The source's mu must be locked.
func (c *collector) replace(list []*object) {
	s := c.source
	if s.collectors[c.scope] != c {
		return
	}
	before := c.keys
	c.keys = make(map[key]bool, len(list))
	changed := false
	for _, o := range list {
		delete(before, o.key)
		changed = c.put(o) || changed
	}
	for k := range before {
		delete(s.objects, k)
		changed = true
	}
	if changed {
		signal(s.stirred)
	}
}

// put keeps an object, and reports whether it has changed. The source's mu must be locked.
func (c *collector) put(o *object) bool {
	s := c.source
	c.keys[o.key] = true
	before := s.objects[o.key]
	s.objects[o.key] = o
	return before == nil || before.text != o.text || before.version != o.version
}

// The methods of cache.ReflectorStore follow. A reflector calls one at a time.

// Replace replaces all objects.
func (c *collector) Replace(list []any, _ string) error {
	objects := make([]*object, 0, len(list))
	for _, e := range list {
		if o, err := c.read(e); err == nil {
			objects = append(objects, o)
		}
	}
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	c.replace(objects)
	c.synced = true
	c.becomeCurrent()
	return nil
}

// Add adds an object.
func (c *collector) Add(e any) error { return c.Update(e) }

// Update changes an object.
func (c *collector) Update(e any) error {
	o, err := c.read(e)
	if err != nil {
		return err
	}
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.collectors[c.scope] == c && c.put(o) {
		signal(s.stirred)
	}
	return nil
}

// Delete removes an object.
func (c *collector) Delete(e any) error {
	u, ok := e.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("expected an object, found %T", e)
	}
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(c.kind, u)
	if s.collectors[c.scope] == c && c.keys[k] {
		delete(c.keys, k)
		delete(s.objects, k)
		signal(s.stirred)
	}
	return nil
}

// Resync does nothing.
func (c *collector) Resync() error { return nil }

func (c *collector) read(e any) (*object, error) {
	u, ok := e.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("expected an object, found %T", e)
	}
	return newObject(c.kind, u)
}
