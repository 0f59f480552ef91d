package live_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
)

// A source is a Source for tests: it answers every request with its text.
type source struct {
	mu       sync.Mutex
	text     string
	err      error
	declared int
	changed  func()
	// panics makes Declare panic.
	panics bool
	// watch replaces Watch if it is not nil.
	watch func(ctx context.Context, changed func()) error
}

func (s *source) Declare() (spec.Declarations, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.declared++
	if s.panics {
		panic("no text")
	}
	return spec.Declarations{VirtualServices: []spec.VirtualService{{Name: "app", Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{
		{DirectResponse: &spec.DirectResponse{Status: 200, Body: []byte(s.text)}},
	}}}}, s.err
}

func (s *source) Watch(ctx context.Context, changed func()) error {
	s.mu.Lock()
	s.changed = changed
	watch := s.watch
	s.mu.Unlock()
	if watch != nil {
		return watch(ctx, changed)
	}
	<-ctx.Done()
	return nil
}

// set changes the source.
func (s *source) set(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
	s.changed()
}

// opened is what a test sees of a Configuration.
type opened struct {
	*live.Configuration
	source *source
	log    bytes.Buffer

	mu   sync.Mutex
	seen []live.Update
}

// updates returns all updates so far.
func (o *opened) updates() []live.Update {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.seen)
}

// begin opens a configuration. It must be called in a synctest bubble.
func begin(t *testing.T, options live.Options, build func() *gateway.Builder) *opened {
	t.Helper()
	o := &opened{source: &source{text: "first"}}
	options.Log = slog.New(slog.NewTextHandler(&o.log, nil))
	options.OnUpdate = func(u live.Update) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.seen = append(o.seen, u)
	}
	if build == nil {
		build = gateway.New
	}
	c, err := live.Open(o.source, build, options)
	require.NoError(t, err)
	o.Configuration = c
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	synctest.Wait()
	return o
}

// answer returns the body of an answer.
func (o *opened) answer(t *testing.T) string {
	t.Helper()
	return testgateway.Serve(o.Gateway(), testhttp.Request(t, "GET", "/")).Body.String()
}

// pass lets some time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAChangeReplacesTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		require.Equal(t, "first", o.answer(t))
		require.Equal(t, live.Status{Generation: 1, Since: time.Now()}, o.Status())

		o.source.set("second", nil)
		pass(4 * time.Millisecond)
		require.Equal(t, "first", o.answer(t), "it is not quiet yet")
		pass(time.Millisecond)
		require.Equal(t, "second", o.answer(t))
		require.Equal(t, live.Status{Generation: 2, Since: time.Now()}, o.Status())
		require.Len(t, o.updates(), 1)
		require.EqualValues(t, 2, o.updates()[0].Generation)
		require.NoError(t, o.updates()[0].Err)
		require.Contains(t, o.log.String(), `msg="the configuration was replaced" generation=2`)
	})
}

func TestAnErrorKeepsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		for range 3 {
			o.source.set("broken", errors.New("not readable"))
			pass(time.Second)
		}
		require.Equal(t, "first", o.answer(t))
		require.Len(t, o.updates(), 3)
		require.ErrorContains(t, o.updates()[2].Err, "not readable")
		require.EqualValues(t, 1, o.updates()[2].Generation)
		require.ErrorContains(t, o.Status().Err, "not readable")
		require.Equal(t, 1, strings.Count(o.log.String(), "was not replaced"), "the same error is logged once")

		// The error of what the declarations mean is one too.
		o.source.set("", nil)
		pass(time.Second)
		require.NoError(t, o.Status().Err)
		require.EqualValues(t, 2, o.Status().Generation)
		require.Zero(t, o.Status().Failed)
	})
}

func TestOpenWithAnError(t *testing.T) {
	_, err := live.Open(&source{err: errors.New("not readable")}, gateway.New, live.Options{})
	require.ErrorContains(t, err, "not readable")
}

// A burst of changes is read once it is over, or after a tenth of a second.
func TestBurstsAreReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		for range 50 {
			o.source.set("burst", nil)
			pass(time.Millisecond)
		}
		pass(time.Second)
		require.Len(t, o.updates(), 1)

		for range 1000 { // 350 ms
			o.source.set("storm", nil)
			pass(350 * time.Microsecond)
		}
		require.Len(t, o.updates(), 1+3)
		require.Equal(t, "storm", o.answer(t))
		pass(time.Second)
		require.Len(t, o.updates(), 1+4)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		require.NoError(t, o.Reload())
		require.EqualValues(t, 2, o.Status().Generation)
		o.source.set("broken", errors.New("not readable"))
		require.ErrorContains(t, o.Reload(), "not readable")
		require.NoError(t, o.Close())
		require.EqualError(t, o.Reload(), "the configuration is closed")
	})
}

func TestReplaceWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		o.ReplaceWith(func(*gateway.Builder) error { return errors.New("the port is taken") })
		o.source.set("second", nil)
		pass(time.Second)
		require.Equal(t, "first", o.answer(t))
		require.EqualError(t, o.Status().Err, "the port is taken")
	})
}

// A panic of what the caller gave is an error.
func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		o := begin(t, live.Options{}, func() *gateway.Builder {
			if calls++; calls > 1 {
				panic("no backend")
			}
			return gateway.New()
		})
		require.EqualError(t, o.Reload(), "panic: no backend")
		require.Equal(t, "first", o.answer(t))

		// A panic in the source ends while the gateway waits for its configuration.
		calls = -10
		o.source.mu.Lock()
		o.source.panics = true
		o.source.mu.Unlock()
		require.EqualError(t, o.Reload(), "panic: no text")
		o.source.mu.Lock()
		o.source.panics = false
		o.source.mu.Unlock()
		require.NoError(t, o.Reload())
	})
}

// A Source that cannot be watched is watched again after a growing pause, and read then.
func TestWatchErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		require.NoError(t, o.Close())

		var began []time.Duration
		since := time.Now()
		s := &source{text: "first"}
		s.watch = func(ctx context.Context, _ func()) error {
			began = append(began, time.Since(since))
			switch len(began) {
			case 1:
				return errors.New("the connection is lost")
			case 2:
				panic("oh")
			case 3:
				return nil // before its time
			}
			<-ctx.Done()
			return nil
		}
		var log bytes.Buffer
		c, err := live.Open(s, gateway.New, live.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		synctest.Wait()
		require.EqualError(t, c.Status().WatchErr, "the connection is lost")
		pass(time.Minute)
		require.NoError(t, c.Status().WatchErr)
		require.Equal(t, []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond}, began)
		require.EqualValues(t, 4, c.Status().Generation)
		for _, reason := range []string{"the connection is lost", "panic: oh", "it has ended without a reason"} {
			require.Contains(t, log.String(), reason)
		}
		require.NoError(t, c.Close())
	})
}

// Close ends what runs, also while there are changes.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := begin(t, live.Options{}, nil)
		o.source.set("second", nil)
		require.NoError(t, o.Close())
		require.NoError(t, o.Close())
		pass(time.Second)
		require.Empty(t, o.updates())
	})
}
