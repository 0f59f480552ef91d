package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lateengo/gateway/kube"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
)

// A clusterFlags is what the flags say about the cluster that is read.
type clusterFlags struct {
	enabled, writes bool
	kubeconfig      string
	namespaces      []string
	timeout         time.Duration
}

// kubeTimeout is how long the API server has to answer at start.
const kubeTimeout = time.Minute

func (k *clusterFlags) addFlags(flags *flag.FlagSet) {
	flags.BoolVar(&k.enabled, "kube", false, "serve what is in a Kubernetes cluster, and follow its changes; -f files are served too")
	flags.StringVar(&k.kubeconfig, "kubeconfig", "", "`FILE` that says how the cluster is reached; the default is that of a pod,\nand outside of a cluster $KUBECONFIG or ~/.kube/config")
	flags.Func("namespaces", "`NS,…` are the namespaces whose objects are read (all by default)", func(text string) error {
		for name := range strings.SplitSeq(text, ",") {
			switch {
			case name == "":
				return errors.New("NS,… is expected")
			case slices.Contains(k.namespaces, name):
				return fmt.Errorf("%s is given twice", name)
			}
			k.namespaces = append(k.namespaces, name)
		}
		return nil
	})
	flags.DurationVar(&k.timeout, "kube-timeout", kubeTimeout, "`DURATION` that the cluster has to answer at start (1m by default); 0 waits without end")
	flags.BoolVar(&k.writes, "kube-status", false, "write the conditions of RateLimitConfigs; of several replicas, one does")
}

// check reports flags that do not fit together.
func (k *clusterFlags) check() error {
	switch {
	case k.timeout < 0:
		return fmt.Errorf("--kube-timeout %v: 0 or more is expected", k.timeout)
	case k.enabled:
		return nil
	case k.kubeconfig != "":
		return errors.New("--kubeconfig is given without --kube")
	case len(k.namespaces) > 0:
		return errors.New("--namespaces is given without --kube")
	case k.writes:
		return errors.New("--kube-status is given without --kube")
	}
	return nil
}

// errStopped is the error of a start that a signal has ended.
var errStopped = errors.New("stopped before the cluster was read")

// openCluster waits until the cluster was read.
func (v *service) openCluster(log *slog.Logger) (*kube.Source, error) {
	config, err := kube.Config(v.cluster.kubeconfig)
	if err != nil {
		return nil, err
	}
	options := kube.Options{
		Namespaces: v.cluster.namespaces, WorkloadNamespace: v.workloadNamespace,
		Nodes: v.locality != "", WithoutGateway: true, Log: log,
	}
	if v.cluster.writes {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		options.Writer = &kube.Writer{Name: fmt.Sprintf("%s_%d", host, os.Getpid())}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if v.cluster.timeout > 0 {
		bounded, cancel = context.WithTimeout(ctx, v.cluster.timeout)
	}
	defer cancel()
	source, err := kube.Open(bounded, config, options)
	if err != nil && ctx.Err() != nil {
		return nil, errStopped
	}
	return source, err
}

// withCluster is the source of the files of the configuration, and of a cluster.
type withCluster struct {
	files   live.Source
	cluster *kube.Source
	// declared are the first declarations.
	declared *spec.Declarations
	first    sync.Once
}

var _ live.Partial = (*withCluster)(nil)

func (w *withCluster) Declare() (spec.Declarations, error) {
	all, err := w.files.Declare()
	d, err2 := w.cluster.Declare()
	if len(all.Servers)+len(d.Servers) == 0 {
		// Without a Gateway, nothing of a cluster is meant for clients.
		d.VirtualServices = nil
	}
	all.Append(d)
	w.first.Do(func() { *w.declared = all })
	return all, errors.Join(err, err2)
}

// Watch watches both until one of them fails.
func (w *withCluster) Watch(ctx context.Context, changed func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var files, cluster error
	var watching sync.WaitGroup
	watching.Go(func() {
		defer cancel()
		files = w.files.Watch(ctx, changed)
	})
	watching.Go(func() {
		defer cancel()
		cluster = w.cluster.Watch(ctx, changed)
	})
	watching.Wait()
	return errors.Join(files, cluster)
}

func (w *withCluster) Attempted(err error) bool { return w.cluster.Attempted(err) }

// withCluster returns the source of what is served from a cluster. The caller closes it.
func (v *service) withCluster(s streams, log *slog.Logger) (*withCluster, error) {
	cluster, err := v.openCluster(log)
	if err != nil {
		return nil, err
	}
	// What the files declare is a part.
	files := *v
	return &withCluster{files: files.watched(s), cluster: cluster, declared: &v.declared}, nil
}

// A telling remembers warnings: a cluster changes often, and most of its warnings stay.
type telling struct {
	mu   sync.Mutex
	said map[string]bool
}

// news returns the warnings that were not among those before. A nil telling returns all.
func (t *telling) news(warnings []spec.Warning) (out []spec.Warning) {
	if t == nil {
		return warnings
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	said := make(map[string]bool, len(warnings))
	for _, w := range warnings {
		text := w.String()
		if !t.said[text] && !said[text] {
			out = append(out, w)
		}
		said[text] = true
	}
	t.said = said
	return out
}
