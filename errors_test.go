package gateway

import (
	"testing"

	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
	"github.com/stretchr/testify/require"
)

// An unreadable field does not hide other errors in its resource, and does not
// cause more errors.
func TestAllErrorsOfOneRun(t *testing.T) {
	_, err := New().Load(istio.Text(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*", "*"]
  http:
  - match: [{uri: {regex: "("}}]
    timeout: 5
    rout: [{destination: {host: a}}]
  - match: [{uri: {prefx: /}}]
    route: [{destination: {hots: a}, weight: -1}]
  - match: [{uri: {prefix: /a}}]
    redirect: {redirectCode: 200}
`)).Build()
	var got []string
	for e := range spec.Errors(err) {
		got = append(got, e.Field+" "+string(e.Code))
	}
	require.Equal(t, []string{
		"spec.hosts[1] conflict",
		"spec.http[0].match[0].uri.regex invalid",
		"spec.http[0].timeout invalid",
		"spec.http[0].rout unknownField",
		"spec.http[1].match[0].uri.prefx unknownField",
		"spec.http[1].route[0].destination.hots unknownField",
		"spec.http[1].route[0].weight invalid",
		"spec.http[2].redirect missing",
		"spec.http[2].redirect.redirectCode invalid",
	}, got)
}

// A declaration in Go has errors that name Go's fields and the caller's line.
func TestErrorsOfGoDeclarations(t *testing.T) {
	_, err := New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Regex("(")}},
			Destinations: []spec.Destination{{Host: "a", Weight: -1}},
		}).
		Load(spec.Declarations{VirtualServices: []spec.VirtualService{{
			Hosts: []string{"*"}, Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "a", Port: 70000}}}},
		}}}).
		Build()
	var got []string
	for e := range spec.Errors(err) {
		got = append(got, e.File+" "+e.Field)
	}
	require.ElementsMatch(t, []string{
		"errors_test.go Match[0].URI.Value",
		"errors_test.go Destinations[0].Weight",
		" Routes[0].Destinations[0].Port",
	}, got)
}

// What the builder is given must be there.
func TestNothingIsNoArgument(t *testing.T) {
	_, err := New().Observe(nil).Observe(observe.Func(nil)).Random(nil).Replicas(0).LocalReply(nil).Build()
	require.Error(t, err)
	var problems []string
	for e := range spec.Errors(err) {
		problems = append(problems, e.Problem)
	}
	require.Equal(t, []string{
		"the observer is nil", "the observer is nil", "the source is nil", "0 is not a number of replicas, 1 or more is expected",
	}, problems)
	gw, err := New().LocalReply(nil).Build()
	require.NoError(t, err)
	require.NoError(t, gw.Close())
}
