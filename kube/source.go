// Package kube reads the configuration of a gateway from the API server of a Kubernetes
// cluster, and follows its changes.
//
//	config, err := kube.Config("")
//	if err != nil {
//		return err
//	}
//	source, err := kube.Open(ctx, config, kube.Options{})
//	if err != nil {
//		return err
//	}
//	defer source.Close()
//	c, err := live.Open(source, gateway.New, live.Options{})
//
// It reads the Gateways, VirtualServices, DestinationRules, ServiceEntries,
// WorkloadEntries and Telemetries of Istio, RateLimitConfigs, the Services that routes
// lead to with their endpoints, and the Secrets that a credentialName names.
//
// While the API server is out of reach, the source keeps what it has. An object with an
// error is left out by itself; see [Source.Attempted].
package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// Options are the options of Open. The zero value has the defaults.
type Options struct {
	// Namespaces are the namespaces whose objects are read. The default is all of
	// them, which needs rights in the whole cluster.
	Namespaces []string
	// WorkloadNamespace is the gateway's own namespace. Secrets are read only from
	// it, as in Istio. The default is istio-system.
	WorkloadNamespace string
	// Nodes makes the source read the Nodes of endpoints, whose labels are the
	// localities of the endpoints. It needs a right in the whole cluster.
	Nodes bool
	// WithoutGateway serves VirtualServices on port 80 if there is no Gateway. By
	// default they are left out then, because they are not meant for all clients.
	WithoutGateway bool
	// Quiet is how long there must be no change before a change is reported. The
	// default is 100 ms.
	Quiet time.Duration
	// MaxDelay is how long changes can put off the report. The default is 1 s.
	MaxDelay time.Duration
	// Writer makes this process one of those that write the conditions of
	// RateLimitConfigs. Only one of them does, at any time. Nil means that nothing is
	// written to the cluster.
	Writer *Writer
	// Log gets a line when a kind cannot be read, when it can be read again, and when
	// an object is left out. The default is no log.
	Log *slog.Logger
}

const (
	defaultWorkloadNamespace = "istio-system"
	defaultQuiet             = 100 * time.Millisecond
	defaultMaxDelay          = time.Second
)

// A Source is a live.Source of the objects in a cluster. Open returns one. Its methods are
// safe for concurrent use.
type Source struct {
	options Options
	clients clients
	pauses  pauses
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	// stirred gets a value after each change of an object, and moved after each change
	// of what is selected.
	stirred, moved chan struct{}
	memory         istio.Memory

	mu         sync.Mutex // guards what follows
	objects    map[key]*object
	collectors map[scope]*collector
	// settled is closed and replaced whenever a collector has settled.
	settled chan struct{}
	// declared is the sum of the objects of the latest Declare, which has declared
	// objects if hasDeclared.
	declared    sum
	hasDeclared bool
	parts       parts
	writer      *conditionWriter
}

var _ live.Partial = (*Source)(nil)

// clients are how the API server is asked.
type clients struct {
	objects dynamic.Interface
	// serves reports whether the API server has a kind in a version.
	serves func(ctx context.Context, k *kind, version string) (bool, error)
	// host is the address of the API server.
	host string
}

// Open begins to read the cluster, and waits until all kinds have been read once. A kind
// that is not installed, or that may not be read, is not waited for; it is read as soon
// as that is possible.
//
// If ctx ends before, the error says what could not be read, and why. Otherwise ctx is not
// used after Open returns: the source follows the cluster until Close.
func Open(ctx context.Context, config *rest.Config, options Options) (*Source, error) {
	c, err := clientsOf(config)
	if err != nil {
		return nil, err
	}
	return open(ctx, c, options, defaultPauses)
}

func open(ctx context.Context, c clients, options Options, p pauses) (*Source, error) {
	options.WorkloadNamespace = cmp.Or(options.WorkloadNamespace, defaultWorkloadNamespace)
	options.Quiet = cmp.Or(max(options.Quiet, 0), defaultQuiet)
	options.MaxDelay = cmp.Or(max(options.MaxDelay, 0), defaultMaxDelay)
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Source{
		options: options, clients: c, pauses: p,
		stirred: make(chan struct{}, 1), moved: make(chan struct{}, 1),
		objects: map[key]*object{}, collectors: map[scope]*collector{}, settled: make(chan struct{}),
	}
	// What client-go would print is logged by the collectors.
	s.ctx, s.cancel = context.WithCancel(klog.NewContext(context.WithoutCancel(ctx), logr.Discard()))
	s.running.Go(s.coordinate)
	if options.Writer != nil {
		s.writer = newConditionWriter(s, *options.Writer)
		s.running.Go(func() { s.writer.run(s.ctx) })
	}
	if err := s.wait(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close stops to follow the cluster, and waits until that has ended. Declare still works
// afterwards.
func (s *Source) Close() {
	s.cancel()
	s.running.Wait()
}

// wait waits until all collectors have settled, and those that they lead to.
func (s *Source) wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		s.adjust()
		settled, ready := s.settled, !slices.ContainsFunc(s.ordered(), func(c *collector) bool { return !c.isSettled() })
		s.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return s.unread(ctx.Err())
		}
	}
}

// unread is the error of kinds that could not be read in time.
func (s *Source) unread(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var problems []string
	byProblem := map[string][]string{}
	for _, c := range s.ordered() {
		if c.isSettled() {
			continue
		}
		problem := "no answer"
		if c.err != nil {
			problem = c.err.Error()
		}
		if byProblem[problem] == nil {
			problems = append(problems, problem)
		}
		if title := c.kind.title(); !slices.Contains(byProblem[problem], title) {
			byProblem[problem] = append(byProblem[problem], title)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the API server %s could not be read", s.clients.host)
	if errors.Is(cause, context.DeadlineExceeded) {
		b.WriteString(" in time")
	}
	for _, problem := range problems {
		fmt.Fprintf(&b, "; %s: %s", strings.Join(byProblem[problem], ", "), problem)
	}
	return errors.New(b.String())
}

// coordinate follows the changes of objects.
func (s *Source) coordinate() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.stirred:
		}
		if !s.settle() {
			return
		}
		s.mu.Lock()
		s.adjust()
		moved := s.hasDeclared && sumOf(s.selected(), false) != s.declared
		s.tellWriter()
		s.mu.Unlock()
		if moved {
			signal(s.moved)
		}
	}
}

// settle waits until there are no more changes. It returns false if the source is closed.
func (s *Source) settle() bool {
	latest := time.NewTimer(s.options.MaxDelay)
	defer latest.Stop()
	for {
		quiet := time.NewTimer(s.options.Quiet)
		select {
		case <-s.ctx.Done():
			quiet.Stop()
			return false
		case <-s.stirred:
			quiet.Stop()
		case <-quiet.C:
			return true
		case <-latest.C:
			quiet.Stop()
			return true
		}
	}
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// Watch calls changed after changes that concern the gateway, until ctx ends. A change of
// a status, or of a Service that no route leads to, is none.
func (s *Source) Watch(ctx context.Context, changed func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.ctx.Done():
			return errors.New("the source is closed")
		case <-s.moved:
			changed()
		}
	}
}

// Declare returns the declarations of all objects. Findings name the object, and have no
// file and no line. Objects that were left out are warnings.
func (s *Source) Declare() (spec.Declarations, error) {
	s.mu.Lock()
	list := s.selected()
	s.declared, s.hasDeclared = sumOf(list, false), true
	text, warnings := s.parts.take(list)
	s.mu.Unlock()
	// A document that has changed in its place is the only one that is read again.
	d, err := istio.Bytes("", text).Remember(&s.memory).Declare()
	d.Warnings = append(d.Warnings, warnings...)
	if len(d.Servers) == 0 && !s.options.WithoutGateway {
		d.VirtualServices = nil
	}
	return d, err
}

// Attempted implements live.Partial. An object that has an error is replaced by its last
// version that was in service, or is left out if there is none. It is tried again when
// it, or another object that people write, changes. The log and a warning of the
// declarations say what was left out, and why.
func (s *Source) Attempted(err error) (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return s.parts.blame(err, s.options.Log)
	}
	s.parts.accept()
	s.tellWriter()
	return false
}

// A Status is the state of a Source.
type Status struct {
	// Kinds are the kinds that are read, in each namespace.
	Kinds []KindStatus
	// LeftOut are the problems of objects that are not in service as they are in the
	// cluster, in order: one for each object.
	LeftOut []spec.Error
}

// A KindStatus is the state of the objects of one kind.
type KindStatus struct {
	// Kind is the name of the kind. Namespace is empty for all namespaces, and Name is
	// empty for all names.
	Kind, Namespace, Name string
	// Version is the version that is read, or "" if none is served.
	Version string
	// Objects is the number of objects.
	Objects int
	// Err is why the objects are not current, or nil. Since is when that began.
	Err   error
	Since time.Time
}

// Status returns the present state.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{LeftOut: s.parts.leftOut()}
	for _, c := range s.ordered() {
		out.Kinds = append(out.Kinds, KindStatus{
			Kind: c.kind.name, Namespace: c.namespace, Name: c.name,
			Version: c.version, Objects: len(c.keys), Err: c.err, Since: c.since,
		})
	}
	return out
}
