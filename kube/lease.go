package kube

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// leaseTimes are how long a lease is held.
type leaseTimes struct {
	// duration is how long others leave the lease alone after it was renewed.
	duration time.Duration
	// renewed is how long its holder may act after it was renewed. It is less than
	// duration, because clocks do not run alike.
	renewed time.Duration
	// retry is how often it is renewed, or tried.
	retry time.Duration
}

// defaultLeaseTimes are those of client-go's leader election.
var defaultLeaseTimes = leaseTimes{duration: 15 * time.Second, renewed: 10 * time.Second, retry: 2 * time.Second}

// A lease is a Lease of the cluster, which one process holds at a time. What its holder
// does is safe to do twice: two may act for a short time if one of them has stood still.
//
// The leader election of client-go would do the same; it would link the types of all APIs
// of Kubernetes.
type lease struct {
	leases          dynamic.ResourceInterface
	namespace, name string
	holder          string
	times           leaseTimes

	// held is when this process has renewed it, or zero.
	held time.Time
	// seen are the holder and the time of renewal that were read last, and since when.
	seen  [2]string
	since time.Time
}

func newLease(client dynamic.Interface, namespace, name, holder string, times leaseTimes) *lease {
	return &lease{
		leases:    client.Resource(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}).Namespace(namespace),
		namespace: namespace, name: name, holder: holder, times: times,
	}
}

// hold takes or renews the lease if it is time for that, and reports whether this process
// holds it.
func (l *lease) hold(ctx context.Context) (bool, error) {
	if !l.held.IsZero() && time.Since(l.held) < l.times.retry {
		return true, nil
	}
	bounded, cancel := context.WithTimeout(ctx, l.times.renewed)
	defer cancel()
	err := l.attempt(bounded)
	return !l.held.IsZero() && time.Since(l.held) < l.times.renewed, err
}

func (l *lease) attempt(ctx context.Context) error {
	began := time.Now()
	u, err := l.leases.Get(ctx, l.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		u = &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": map[string]any{"name": l.name, "namespace": l.namespace},
			"spec":     l.spec(nil),
		}}
		if _, err = l.leases.Create(ctx, u, metav1.CreateOptions{FieldManager: fieldManager}); err == nil {
			l.held = began
		} else if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
	if err != nil {
		return err
	}
	before, _ := u.Object["spec"].(map[string]any)
	holder, _ := before["holderIdentity"].(string)
	renewed, _ := before["renewTime"].(string)
	if seen := [2]string{holder, renewed}; seen != l.seen {
		l.seen, l.since = seen, began
	}
	if holder != "" && holder != l.holder {
		l.held = time.Time{}
		// The times in it are of another clock: only that they change is used.
		if time.Since(l.since) < l.times.duration {
			return nil
		}
	}
	u.Object["spec"] = l.spec(before)
	_, err = l.leases.Update(ctx, u, metav1.UpdateOptions{FieldManager: fieldManager})
	switch {
	case apierrors.IsConflict(err):
		// Another one was faster.
		l.held = time.Time{}
		return nil
	case err != nil:
		return err
	}
	l.held = began
	return nil
}

// spec returns the spec of the lease when this process holds it.
func (l *lease) spec(before map[string]any) map[string]any {
	now := time.Now().UTC().Format(metav1.RFC3339Micro)
	out := map[string]any{
		"holderIdentity": l.holder, "leaseDurationSeconds": int64(max(l.times.duration/time.Second, 1)),
		"acquireTime": now, "renewTime": now,
	}
	transitions, _ := before["leaseTransitions"].(int64)
	if before["holderIdentity"] == l.holder && before["acquireTime"] != nil {
		out["acquireTime"] = before["acquireTime"]
	} else if before != nil {
		transitions++
	}
	out["leaseTransitions"] = transitions
	return out
}

// release gives the lease back, so that another process need not wait for its end.
func (l *lease) release(ctx context.Context) {
	if l.held.IsZero() {
		return
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.times.retry)
	defer cancel()
	u, err := l.leases.Get(bounded, l.name, metav1.GetOptions{})
	if err != nil || field(u.Object["spec"], "holderIdentity") != l.holder {
		return
	}
	spec, _ := u.Object["spec"].(map[string]any)
	spec["holderIdentity"] = ""
	_, _ = l.leases.Update(bounded, u, metav1.UpdateOptions{FieldManager: fieldManager})
}
