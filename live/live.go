// Package live keeps the configuration of a gateway current while it serves: it watches a
// Source, and replaces the configuration whenever that changes.
//
//	source := &live.Files{Source: istio.Files("conf"), Paths: []string{"conf"}}
//	build := func() *gateway.Builder { return gateway.New().Backend("reviews", reviews) }
//	c, err := live.Open(source, build, live.Options{})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	http.ListenAndServe(":8080", c.Gateway())
//
// A configuration is replaced at once and as a whole. If the new one has an error, the old
// one stays, and the error is reported.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A Source is a configuration that changes. Files is one.
type Source interface {
	// Declare returns the current declarations. It is not called concurrently.
	spec.Source
	// Watch calls changed after each change, until ctx ends. Calls of changed do not
	// wait, and several may lead to one Declare. A change before the first Declare
	// need not be reported.
	//
	// Watch returns nil when ctx has ended. If it returns an error before, that is
	// reported, and Watch is called again after a pause.
	Watch(ctx context.Context, changed func()) error
}

// Options are the options of Open. The zero value has the defaults.
type Options struct {
	// Quiet is how long there must be no change before a changed configuration is
	// read. A burst of changes is then read once. The default is 5 ms.
	Quiet time.Duration
	// MaxDelay is how long changes can put off the reading. The default is 100 ms.
	MaxDelay time.Duration
	// OnUpdate is called after each attempt to replace the configuration, but not
	// for the first one, which Open makes. Calls are in order, and not concurrent.
	// Nil means none.
	OnUpdate func(Update)
	// Log gets a line for each replacement and for each error. The default is no log.
	Log *slog.Logger
}

// The defaults of Options.
const (
	defaultQuiet    = 5 * time.Millisecond
	defaultMaxDelay = 100 * time.Millisecond
)

// An Update is an attempt to replace the configuration.
type Update struct {
	// Generation is the number of the configuration in service after the attempt. Open
	// makes number 1, and each replacement adds 1.
	Generation uint64
	// Err is why the configuration was not replaced. It joins a *spec.Error for each
	// problem that has a place. Nil means that it was replaced.
	Err error
	// Warnings are those of the new configuration, also if it has an error.
	Warnings []spec.Warning
	// Began is when the Source was read, and Took how long the attempt took.
	Began time.Time
	Took  time.Duration
}

// A Status is the state of a Configuration.
type Status struct {
	// Generation is the number of the configuration in service, and Since when that
	// began.
	Generation uint64
	Since      time.Time
	// Err is why the latest attempt has failed, or nil. Failed is when that was.
	Err    error
	Failed time.Time
	// WatchErr is why changes are not noticed at present, or nil.
	WatchErr error
}

// A Configuration keeps a gateway current. Open returns one. All methods are safe for
// concurrent use.
type Configuration struct {
	source  Source
	build   func() *gateway.Builder
	options Options
	gateway *gateway.Gateway

	changes chan struct{}
	cancel  context.CancelFunc
	running sync.WaitGroup

	// loading prevents that two loads run at the same time.
	loading sync.Mutex
	closed  bool

	mu      sync.Mutex // guards what follows
	replace func(*gateway.Builder) error
	status  Status
}

// Open builds a gateway from the source, and keeps it current until Close. The function
// build returns a new Builder each time with all that is not in the source: backends,
// limiters, options. Open adds the source to it.
//
// The error is that of Builder.Build. There is no gateway then.
func Open(source Source, build func() *gateway.Builder, options Options) (*Configuration, error) {
	if options.Quiet <= 0 {
		options.Quiet = defaultQuiet
	}
	if options.MaxDelay <= 0 {
		options.MaxDelay = defaultMaxDelay
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	c := &Configuration{source: source, build: build, options: options, changes: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	// Watching begins first, so that no change is missed.
	c.running.Go(func() { c.watch(ctx) })
	var gw *gateway.Gateway
	err := inParts(source, func() (err error) {
		gw, err = build().Load(source).Build()
		return err
	})
	if err != nil {
		cancel()
		c.running.Wait()
		return nil, err
	}
	c.mu.Lock()
	c.gateway, c.replace = gw, gw.Replace
	c.status.Generation, c.status.Since = 1, time.Now()
	c.mu.Unlock()
	c.running.Go(func() { c.follow(ctx) })
	return c, nil
}

// Gateway returns the gateway. It is the same for all configurations.
func (c *Configuration) Gateway() *gateway.Gateway { return c.gateway }

// ReplaceWith sets how the configuration is replaced, instead of with Gateway.Replace. Use
// it with server.Listeners.Replace, so that ports and certificates change together with
// routes.
func (c *Configuration) ReplaceWith(replace func(*gateway.Builder) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace = replace
}

// Status returns the present state.
func (c *Configuration) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// errClosed is the error of Reload after Close.
var errClosed = errors.New("the configuration is closed")

// Reload reads the source now, and replaces the configuration even if nothing has
// changed. The error says why that failed. OnUpdate is called as for a change.
func (c *Configuration) Reload() error { return c.load() }

// Close stops watching, waits for a replacement in progress, and closes the gateway. Call
// it after the last request. Close returns nil.
func (c *Configuration) Close() error {
	c.cancel()
	c.running.Wait()
	c.loading.Lock()
	defer c.loading.Unlock()
	c.closed = true
	return c.gateway.Close()
}

// The pause before a Source is watched again after an error.
const (
	watchPause    = 100 * time.Millisecond
	watchPauseMax = 30 * time.Second
)

// watch watches the source until ctx ends.
func (c *Configuration) watch(ctx context.Context) {
	pause := watchPause
	for {
		began := time.Now()
		err := c.watchOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it has ended without a reason")
		}
		c.options.Log.Warn("the source of the configuration cannot be watched", "error", err, "pause", pause)
		c.noteWatch(err)
		if time.Since(began) > watchPauseMax {
			pause = watchPause
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, watchPauseMax)
		c.noteWatch(nil)
		// What has changed in the meantime is read now.
		c.change()
	}
}

// noteWatch takes down why the source is not watched.
func (c *Configuration) noteWatch(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.WatchErr = err
}

// watchOnce calls Watch of the source. A panic there is an error.
func (c *Configuration) watchOnce(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.source.Watch(ctx, c.change)
}

// change notes that the source has changed.
func (c *Configuration) change() {
	select {
	case c.changes <- struct{}{}:
	default:
	}
}

// follow loads what has changed until ctx ends.
func (c *Configuration) follow(ctx context.Context) {
	// busy counts the replacements that have followed each other.
	busy := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.changes:
		}
		if !c.settle(ctx) {
			return
		}
		began := time.Now()
		_ = c.load()
		// Changes without end leave half of a processor to requests.
		if len(c.changes) == 0 {
			busy = 0
		} else if busy++; busy > maxBusy && !sleep(ctx, min(time.Since(began), maxRest)) {
			return
		}
	}
}

const (
	// maxBusy is how many replacements may follow each other without a pause.
	maxBusy = 5
	// maxRest is the longest pause after that.
	maxRest = time.Second
)

// sleep waits. It returns false if ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// settle waits until there are no more changes. It returns false if ctx ends.
func (c *Configuration) settle(ctx context.Context) bool {
	latest := time.NewTimer(c.options.MaxDelay)
	defer latest.Stop()
	for {
		quiet := time.NewTimer(c.options.Quiet)
		select {
		case <-ctx.Done():
			quiet.Stop()
			return false
		case <-c.changes:
			quiet.Stop()
		case <-quiet.C:
			return true
		case <-latest.C:
			quiet.Stop()
			return true
		}
	}
}

// load reads the source, and replaces the configuration unless it has an error.
func (c *Configuration) load() error {
	c.loading.Lock()
	defer c.loading.Unlock()
	if c.closed {
		return errClosed
	}
	c.mu.Lock()
	replace := c.replace
	c.mu.Unlock()
	update := Update{Began: time.Now()}
	update.Warnings, update.Err = c.attempt(replace)
	update.Took = time.Since(update.Began)

	c.mu.Lock()
	before := c.status.Err
	if update.Err == nil {
		c.status.Generation++
		c.status.Since, c.status.Err, c.status.Failed = update.Began.Add(update.Took), nil, time.Time{}
	} else {
		c.status.Err, c.status.Failed = update.Err, update.Began
	}
	update.Generation = c.status.Generation
	c.mu.Unlock()

	switch {
	case update.Err == nil:
		c.options.Log.Info("the configuration was replaced", "generation", update.Generation, "took", update.Took.Round(time.Millisecond), "warnings", len(update.Warnings))
	case before == nil || before.Error() != update.Err.Error():
		problems := slices.Collect(spec.Errors(update.Err))
		text := update.Err.Error()
		if len(problems) > 1 {
			text = fmt.Sprintf("%v, and %d more", problems[0], len(problems)-1)
		}
		c.options.Log.Error("the configuration was not replaced: the one before stays in service", "generation", update.Generation, "error", text)
	}
	if c.options.OnUpdate != nil {
		c.options.OnUpdate(update)
	}
	return update.Err
}

// attempt replaces the configuration. A panic in the functions of the caller is an error.
func (c *Configuration) attempt(replace func(*gateway.Builder) error) (warnings []spec.Warning, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	err = inParts(c.source, func() error {
		b := c.build().Load(c.source)
		err := replace(b)
		warnings = b.Warnings()
		return err
	})
	return warnings, err
}
