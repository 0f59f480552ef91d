package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// A Writer writes the conditions Accepted and Programmed of RateLimitConfigs. Of all
// processes that share a Lease, one writes.
type Writer struct {
	// Name identifies this process among all that share the Lease, such as the name of
	// its pod. It must be unique.
	Name string
	// Lease is the name of the Lease, which is in Options.WorkloadNamespace. The
	// default is lateen-conditions.
	Lease string
}

const defaultLease = "lateen-conditions"

// fieldManager is the writer in the metadata of objects.
const fieldManager = "lateen"

// A result is what became of a RateLimitConfig.
type result struct {
	object *object
	// problem is why it is not accepted, or "". earlier means that the version before
	// is in service.
	problem string
	earlier bool
}

// results returns what became of the RateLimitConfigs that were tried, in order. s.mu must
// be locked.
func (s *Source) results() (out []result) {
	for k, o := range s.objects {
		if k.kind != rateLimitConfigs {
			continue
		}
		r := result{object: o}
		if f := s.parts.flawed[k]; f != nil {
			text := f.problem
			text.File, text.Line, text.Column, text.Kind = "", 0, 0, ""
			r.problem, r.earlier = text.String(), f.earlier
		} else if good := s.parts.good[k]; good == nil || good.text != o.text {
			continue
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b result) int { return a.object.compare(b.object) })
	return out
}

// tellWriter gives the present results to the writer, if there is one. s.mu must be
// locked.
func (s *Source) tellWriter() {
	if s.writer != nil {
		s.writer.update(s.results())
	}
}

// conditions returns the conditions of the object as they must be, and whether that is a
// change.
func (r *result) conditions(now time.Time) (out []any, changed bool) {
	status, reason, message := "True", "Accepted", "it has no error"
	programmed, why, note := "True", "Programmed", "it is in service"
	if r.problem != "" {
		status, reason, message = "False", "Invalid", r.problem
		programmed, why, note = "False", "Invalid", "it is not in service"
		if r.earlier {
			note = "the version before is in service"
		}
	}
	out = slices.Clone(r.object.conditions)
	for _, c := range []map[string]any{
		{"type": "Accepted", "status": status, "reason": reason, "message": message},
		{"type": "Programmed", "status": programmed, "reason": why, "message": note},
	} {
		c["observedGeneration"] = r.object.generation
		c["lastTransitionTime"] = now.UTC().Format(time.RFC3339)
		i := slices.IndexFunc(out, func(e any) bool { return field(e, "type") == c["type"] })
		if i < 0 {
			out, changed = append(out, c), true
			continue
		}
		before := out[i]
		if field(before, "status") == c["status"] {
			c["lastTransitionTime"] = field(before, "lastTransitionTime")
		}
		for _, name := range []string{"status", "reason", "message", "observedGeneration"} {
			changed = changed || field(before, name) != c[name]
		}
		out[i] = c
	}
	return out, changed
}

// A conditionWriter writes conditions while it holds the Lease.
type conditionWriter struct {
	source *Source
	lease  *lease
	// news has the latest results.
	news chan []result
	// failed are the objects whose conditions could not be written, which was logged.
	failed map[key]bool
}

func newConditionWriter(s *Source, w Writer) *conditionWriter {
	return &conditionWriter{
		source: s, news: make(chan []result, 1),
		failed: map[key]bool{},
		lease:  newLease(s.clients.objects, s.options.WorkloadNamespace, cmp.Or(w.Lease, defaultLease), w.Name, s.pauses.lease),
	}
}

// update replaces what is to be written. One goroutine at a time may call it.
func (w *conditionWriter) update(results []result) {
	select {
	case <-w.news:
	default:
	}
	w.news <- results
}

// run writes until ctx ends.
func (w *conditionWriter) run(ctx context.Context) {
	defer w.lease.release(ctx)
	tick := time.NewTicker(w.source.pauses.lease.retry)
	defer tick.Stop()
	var results []result
	pending, denied := false, false
	for {
		held, err := w.lease.hold(ctx)
		if err != nil && ctx.Err() == nil && !denied {
			w.source.options.Log.Warn("the lease for the conditions of RateLimitConfigs cannot be held", "error", err)
		}
		denied = err != nil
		if held && pending {
			pending = !w.write(ctx, results)
		}
		select {
		case <-ctx.Done():
			return
		case results = <-w.news:
			pending = true
		case <-tick.C:
			// Another one may have written less before this one holds the lease.
			pending = pending || !held
		}
	}
}

// write writes all conditions that differ. It returns false if some could not be written.
func (w *conditionWriter) write(ctx context.Context, results []result) bool {
	client := w.source.clients.objects.Resource(schema.GroupVersionResource{Group: networking, Version: rateLimitConfigs.versions[0], Resource: rateLimitConfigs.resource})
	all := true
	for i := range results {
		r := &results[i]
		conditions, changed := r.conditions(time.Now())
		if !changed {
			continue
		}
		patch, err := json.Marshal(map[string]any{
			// If the object has changed meanwhile, it is written with the next results.
			"metadata": map[string]any{"resourceVersion": r.object.version},
			"status":   map[string]any{"conditions": conditions},
		})
		if err == nil {
			_, err = client.Namespace(r.object.namespace).Patch(ctx, r.object.name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}, "status")
		}
		switch {
		case err == nil:
			delete(w.failed, r.object.key)
		case ctx.Err() != nil:
		case apierrors.IsConflict(err) || apierrors.IsNotFound(err):
			// The next results are about the object as it is now.
			all = false
		default:
			all = false
			if !w.failed[r.object.key] {
				w.failed[r.object.key] = true
				w.source.options.Log.Warn("the conditions of a RateLimitConfig cannot be written", "object", r.object.String(), "error", err)
			}
		}
	}
	return all
}
