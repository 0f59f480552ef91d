package otel

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/lateengo/gateway/observe"
)

var _ observe.ContextObserver = (*Tracing)(nil)

// Observe does nothing: without its context a request has no span.
func (*Tracing) Observe(*observe.Outcome) {}

// ObserveContext fills the span that Wrap has started for a request. Without one that
// is recorded it does nothing.
func (t *Tracing) ObserveContext(ctx context.Context, o *observe.Outcome) {
	span, _ := ctx.Value(key{t}).(trace.Span)
	if span == nil {
		return
	}
	if o.Mirror {
		t.client(ctx, span, "mirror", o)
		return
	}
	span.SetName(operation(o))
	attributes := append(make([]attribute.KeyValue, 0, 20),
		semconv.URLScheme(o.Scheme), flags(o.Flags), requestSize.Int64(o.RequestBytes), responseSize.Int64(o.ResponseBytes))
	if o.Protocol != "" {
		attributes = append(attributes, semconv.NetworkProtocolVersion(version(o.Protocol)))
	}
	if o.ClientAddress != "" {
		attributes = append(attributes, semconv.ClientAddress(o.ClientAddress))
	}
	attributes = address(attributes, semconv.NetworkPeerAddressKey, semconv.NetworkPeerPortKey, o.PeerAddress)
	if o.RequestID != "" {
		attributes = append(attributes, requestID.String(o.RequestID))
	}
	if o.Status != 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(o.Status))
	}
	attributes = append(attributes, cluster(o)...)
	span.SetAttributes(end(span, attributes, o)...)
	if sent(o) {
		for i := range o.Tries {
			t.try(ctx, span, i, o)
		}
		t.client(ctx, span, o.Destination.Cluster, o)
	}
}

// operation returns the name of a request's span.
func operation(o *observe.Outcome) string {
	if d := o.Destination; d != nil && d.Weight == d.Total {
		return d.Host + ":" + strconv.Itoa(d.Port) + "/*"
	}
	_, name, _ := strings.Cut(o.VirtualService, "/")
	port := o.Listener[strings.LastIndexByte(o.Listener, '_')+1:]
	if name == "" || port == "" {
		return method(o.Method)
	}
	return name + ":" + port + "/*"
}

// sent reports whether a destination got the request, or was to get it.
func sent(o *observe.Outcome) bool {
	return o.Destination != nil && (o.Endpoint != "" || o.Destination.InProcess || len(o.Tries) > 0)
}

// try adds the client's span of a try that another one followed.
func (t *Tracing) try(ctx context.Context, parent trace.Span, i int, o *observe.Outcome) {
	tried := &o.Tries[i]
	began := o.Start.Add(tried.Began)
	_, span := t.tracer.Start(trace.ContextWithSpan(ctx, parent), o.Destination.Cluster, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began))
	defer span.End(trace.WithTimestamp(began.Add(tried.Duration)))
	if !span.IsRecording() {
		return
	}
	attributes := append(destination(o, i), flags(tried.Flag))
	attributes = address(attributes, semconv.NetworkPeerAddressKey, semconv.NetworkPeerPortKey, tried.Endpoint)
	reason := tried.Flag
	if tried.Status != 0 {
		reason = strconv.Itoa(tried.Status)
		attributes = append(attributes, semconv.HTTPResponseStatusCode(tried.Status))
	}
	// A policy repeats it, so it counts as failed, whatever its status is.
	span.SetStatus(codes.Error, reason)
	span.SetAttributes(append(attributes, semconv.ErrorTypeKey.String(cmp.Or(reason, "_OTHER")))...)
}

// destination returns the attributes of all spans of a request to its destination, for the
// try with a number, from 0.
func destination(o *observe.Outcome, try int) []attribute.KeyValue {
	attributes := append(make([]attribute.KeyValue, 0, 12), methods(o.Method)...)
	if d := o.Destination; d != nil {
		attributes = append(attributes, semconv.ServerAddress(d.Host), semconv.ServerPort(d.Port))
	}
	if try > 0 {
		attributes = append(attributes, semconv.HTTPRequestResendCount(try))
	}
	return append(attributes, cluster(o)...)
}

// client adds the client's span of the last try of a request that was sent.
func (t *Tracing) client(ctx context.Context, parent trace.Span, name string, o *observe.Outcome) {
	_, span := t.tracer.Start(trace.ContextWithSpan(ctx, parent), name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(o.Start.Add(o.Sent)))
	defer span.End(trace.WithTimestamp(o.Start.Add(o.Duration)))
	if !span.IsRecording() {
		return
	}
	attributes := append(destination(o, len(o.Tries)), flags(o.Flags))
	attributes = address(attributes, semconv.NetworkPeerAddressKey, semconv.NetworkPeerPortKey, o.Endpoint)
	if o.Status != 0 && (o.Details == observe.DetailsUpstream || o.Details == observe.DetailsCut) {
		// Otherwise the status is one of the gateway's own.
		attributes = append(attributes, semconv.HTTPResponseStatusCode(o.Status))
	}
	span.SetAttributes(end(span, attributes, o)...)
}

// cluster returns the attributes of the destination.
func cluster(o *observe.Outcome) []attribute.KeyValue {
	if o.Destination == nil {
		return nil
	}
	return []attribute.KeyValue{upstreamCluster.String(o.Destination.Cluster), upstreamClusterName.String(o.Destination.Cluster)}
}

// end sets the status of a span, and adds the attributes that tell the reason.
func end(span trace.Span, to []attribute.KeyValue, o *observe.Outcome) []attribute.KeyValue {
	if o.GRPCStatus != "" {
		to = append(to, grpcStatusCode.String(o.GRPCStatus))
	}
	if !failed(o) {
		return to
	}
	span.SetStatus(codes.Error, o.Details)
	reason := cmp.Or(o.Flags, "_OTHER")
	if o.Status >= 500 {
		reason = strconv.Itoa(o.Status)
	} else if o.Status != 0 {
		reason = o.GRPCStatus
	}
	return append(to, semconv.ErrorTypeKey.String(reason))
}
