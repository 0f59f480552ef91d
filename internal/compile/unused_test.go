package compile_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

type unlimited struct{}

func (unlimited) Limit(context.Context, ratelimit.Request) (ratelimit.Response, error) {
	return ratelimit.Response{}, nil
}

// Names that differ in one letter are reported, with what was probably meant.
func TestMisspelledNames(t *testing.T) {
	handler := http.NotFoundHandler()
	for _, row := range []struct {
		name string
		b    *gateway.Builder
		want []string
	}{
		{"all are right", gateway.New().Backend("reviews", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews"}}}), nil},
		{"a full name", gateway.New().Backend("reviews.default.svc.cluster.local:80", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews"}}}), nil},
		{"a subset of a backend", gateway.New().Backend("reviews/v2", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews", Subset: "v2"}}}), nil},
		{"every host", gateway.New().Backend("*", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews"}}}), nil},
		{"a mirror", gateway.New().Backend("a", handler).Backend("b", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "b"}}}}), nil},
		{"no backend at all", gateway.New().
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews"}}}), nil},
		{"a backend", gateway.New().Backend("reviews", handler).Backend("ratngs", handler).Backend("ratings", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews", Weight: 1}, {Host: "ratings", Weight: 1}}}),
			[]string{`no route has the destination "ratngs": the backend is not used, did you mean ratings`}},
		{"a destination", gateway.New().Backend("reviews", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews", Weight: 1}, {Host: "review", Weight: 1}}}),
			[]string{`no backend and no ServiceEntry is named "review": requests get 503, did you mean reviews`}},
		{"a subset without rule", gateway.New().Backend("reviews", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews", Subset: "v2"}}}),
			[]string{`no DestinationRule is for reviews, so it has no subset "v2": requests get 503, did you mean `}},
		{"a limiter", gateway.New().Backend("a", handler).Limiter("reddis", unlimited{}).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}),
			[]string{`no rate limit has the provider "reddis": the limiter is not used, did you mean `}},
		{"a credential", gateway.New().Backend("a", handler).Credential("clent", gateway.Credential{}).
			Service(spec.Service{Name: "x", Hosts: []string{"x.test"}, Resolution: spec.ResolveDNS, Ports: []spec.ServicePort{{Number: 80}}}).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "a", Weight: 1}, {Host: "x.test", Weight: 1}}}).
			DestinationRule(spec.DestinationRule{Host: "x.test", TrafficPolicy: &spec.TrafficPolicy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple, CredentialName: "client"}}}),
			[]string{
				`no credentialName is "clent": the credential is not used, did you mean client`,
				"the credential cannot be read, so that connections to the destination fail: no credential \"client\" is registered, did you mean ",
			}},
		{"a subset without rule, where all else is there", gateway.New().Backend("*", handler).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews", Subset: "v2"}}}),
			[]string{`no DestinationRule is for reviews, so it has no subset "v2": requests get 503, did you mean `}},
		{"a subset without rule, and nothing else", gateway.New().
			Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews", Subset: "v2"}}}),
			[]string{`no DestinationRule is for reviews, so it has no subset "v2": requests get 503, did you mean `}},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw, err := row.b.Build()
			require.NoError(t, err)
			defer gw.Close()
			var got []string
			for _, w := range gw.Warnings() {
				got = append(got, w.Problem+", did you mean "+w.Suggestion)
			}
			require.Equal(t, row.want, got)
		})
	}
}
