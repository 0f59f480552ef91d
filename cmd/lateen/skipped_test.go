package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestSummaryOfWhatWasSkipped(t *testing.T) {
	times := func(n int, apiVersion, kind string) (out []spec.Skipped) {
		for range n {
			out = append(out, spec.Skipped{APIVersion: apiVersion, Kind: kind})
		}
		return out
	}
	var many []spec.Skipped
	for i := range 31 {
		many = append(many, times(i+1, "v1", fmt.Sprintf("Kind%02d", i))...)
	}
	many = append(many, times(2101, "apps/v1", "Deployment")...)
	for _, tt := range []struct {
		name    string
		skipped []spec.Skipped
		want    string
	}{
		{"nothing", nil, ""},
		{"one", times(1, "v1", "Service"), "skipped 1 object of 1 kind: Service 1"},
		{"the most frequent first, then by name", append(append(times(1, "v1", "Service"), times(2, "v1", "Secret")...), times(1, "v1", "ConfigMap")...),
			"skipped 4 objects of 3 kinds: Secret 2, ConfigMap 1, Service 1"},
		{"many", many, "skipped 2,597 objects of 32 kinds: Deployment 2,101, Kind30 31, Kind29 30, Kind28 29, Kind27 28, Kind26 27 and 26 more kinds"},
		{"one kind more", many[:28], "skipped 28 objects of 7 kinds: Kind06 7, Kind05 6, Kind04 5, Kind03 4, Kind02 3, Kind01 2 and 1 more kind"},
		{"what is not a resource", times(1, "", ""), "skipped 1 document that is not a resource"},
		{"both", append(times(2, "", ""), times(1, "v1", "Service")...), "skipped 1 object of 1 kind: Service 1; 2 documents that are not resources"},
		{"a kind that has the name of one that is read", append(times(1, "gateway.networking.k8s.io/v1", "Gateway"), times(1, "networking.k8s.io/v1", "Ingress")...),
			"skipped 2 objects of 2 kinds: Gateway.gateway.networking.k8s.io 1, Ingress 1"},
		{"a million", times(1234567, "v1", "Pod"), "skipped 1,234,567 objects of 1 kind: Pod 1,234,567"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, skippedText(tt.skipped)) })
	}
}
