package crd

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the manifest")

const (
	manifest = "../../../deploy/crds/ratelimitconfig.yaml"
	fixtures = "../../../spec/istio/testdata/good"
)

func TestManifest(t *testing.T) {
	text, err := yaml.Marshal(Definition())
	require.NoError(t, err)
	text = append([]byte("# Written by: go test ./internal/crd -update (in kube/)\n"), text...)
	if *update {
		require.NoError(t, os.WriteFile(manifest, text, 0o644))
	}
	written, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, written), "the manifest is not what the schema says: go test ./internal/crd -update")
	var definition apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(written, &definition))
}

// A checker checks objects as the API server does.
type checker struct {
	schema    *structural.Structural
	validator validation.SchemaValidator
}

func newChecker(t *testing.T) *checker {
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	var definition apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(text, &definition))
	var schema apiextensions.CustomResourceValidation
	require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(definition.Spec.Versions[0].Schema, &schema, nil))
	s, err := structural.NewStructural(schema.OpenAPIV3Schema)
	require.NoError(t, err)
	require.Empty(t, structural.ValidateStructural(field.NewPath("schema"), s))
	validator, _, err := validation.NewSchemaValidator(schema.OpenAPIV3Schema)
	require.NoError(t, err)
	return &checker{s, validator}
}

// problems are what the API server says of an object: what is invalid, and which fields
// are unknown.
func (c *checker) problems(object map[string]any) string {
	var all []string
	for _, e := range validation.ValidateCustomResource(nil, object, c.validator) {
		all = append(all, e.Error())
	}
	for _, path := range pruning.PruneWithOptions(object, c.schema, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		all = append(all, "unknown field "+path)
	}
	return strings.Join(all, "; ")
}

func parse(t *testing.T, text string) map[string]any {
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err, text)
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return nil
	}
	u := new(unstructured.Unstructured)
	if u.UnmarshalJSON(data) != nil {
		return nil
	}
	return u.Object
}

// What the repository's good configurations contain is accepted.
func TestGoodIsAccepted(t *testing.T) {
	c := newChecker(t)
	files, err := filepath.Glob(fixtures + "/rate-limits*.yaml")
	require.NoError(t, err)
	checked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			object := parse(t, document)
			if object["kind"] != "RateLimitConfig" || object["apiVersion"] != "networking.istio.io/v1alpha3" {
				continue
			}
			checked++
			name, _, _ := unstructured.NestedString(object, "metadata", "name")
			want := ""
			if name == "in-a-file" {
				// An object of a cluster has no files beside it.
				want = "unknown field spec.global.configFile"
			}
			require.Equal(t, want, c.problems(object), "%s: %s", file, name)
		}
	}
	require.Greater(t, checked, 8)
}

func TestBadIsRefused(t *testing.T) {
	c := newChecker(t)
	for _, tt := range []struct{ spec, problem string }{
		{`{targetRef: {kind: Gateway, name: a}}`, "unknown field spec.targetRef"},
		{`{targetRefs: [{kind: Service, name: a}]}`, `spec.targetRefs[0].kind: Unsupported value: "Service"`},
		{`{targetRefs: [{kind: Gateway}]}`, "spec.targetRefs[0].name: Required value"},
		{`{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}]}`, "spec.targetRefs[0].group: Unsupported value"},
		{`{selector: {}, targetRefs: []}`, `"spec" must not validate the schema`},
		{`{raw: {}, global: {}}`, `"spec" must not validate the schema`},
		{`{limits: {requestsPerUnit: 1}}`, "spec.limits: Invalid value"},
		{`{limits: [{requestsPerUnit: "10"}]}`, "spec.limits[0].requestsPerUnit: Invalid value"},
		{`{limits: [{requestsPerUnit: -1}]}`, "spec.limits[0].requestsPerUnit: Invalid value"},
		{`{limits: [{requestsPerUnit: 1.5}]}`, "spec.limits[0].requestsPerUnit: Invalid value"},
		{`{limits: [{requestsPerUnit: 4294967296}]}`, "spec.limits[0].requestsPerUnit: Invalid value"},
		{`{limits: [{unit: SECONDS}]}`, `spec.limits[0].unit: Unsupported value: "SECONDS"`},
		{`{limits: [{unit: Second}]}`, `spec.limits[0].unit: Unsupported value: "Second"`},
		{`{limits: [{per: [remoteAdress]}]}`, "spec.limits[0].per[0]: Invalid value"},
		{`{limits: [{per: [{}]}]}`, "spec.limits[0].per[0]: Invalid value"},
		{`{limits: [{when: {uri: {exact: /a, prefix: /b}}}]}`, "spec.limits[0].when.uri: Too many"},
		{`{limits: [{when: {port: 80}}]}`, "unknown field spec.limits[0].when.port"},
		{`{limits: [{onStoreFailure: OPEN}]}`, "spec.limits[0].onStoreFailure: Unsupported value"},
		{`{rateLimits: [{actions: [{}]}]}`, "spec.rateLimits[0].actions[0]: Invalid value"},
		{`{rateLimits: [{actions: [{remoteAddress: {}, destinationCluster: {}}]}]}`, "spec.rateLimits[0].actions[0]: Too many"},
		{`{rateLimits: [{actions: [{metadata: {}}]}]}`, "unknown field spec.rateLimits[0].actions[0].metadata"},
		{`{rateLimits: [{actions: [{maskedRemoteAddress: {v4PrefixMaskLen: 33}}]}]}`, "v4PrefixMaskLen: Invalid value"},
		{`{rateLimits: [{hitsAddend: 0}]}`, "spec.rateLimits[0].hitsAddend: Invalid value"},
		{`{global: {failureModeDeny: true, onStoreFailure: ALLOW}}`, `"spec.global" must not validate the schema`},
		{`{global: {timeout: 5}}`, "spec.global.timeout: Invalid value"},
		{`{global: {timeout: 5 s}}`, "spec.global.timeout: Invalid value"},
		{`{global: {descriptors: [{value: a}]}}`, "spec.global.descriptors[0].key: Required value"},
		{`{global: {descriptors: [{key: a, descriptors: [{key: b, rateLimit: {unit: fortnight}}]}]}}`, "spec.global.descriptors[0].descriptors[0].rateLimit.unit: Invalid value"},
		{`{global: {descriptors: [{key: a, quotaMode: true}]}}`, "quotaMode: Unsupported value"},
		{`{local: {tokenBucket: {fillInterval: 1s}}}`, "spec.local.tokenBucket.maxTokens: Required value"},
		{`{response: {rateLimitHeaders: YES}}`, "spec.response.rateLimitHeaders: Unsupported value"},
		{`{mode: ON}`, "spec.mode: "},
	} {
		object := parse(t, "apiVersion: networking.istio.io/v1alpha3\nkind: RateLimitConfig\nmetadata: {name: a, namespace: b}\nspec: "+tt.spec)
		require.Contains(t, c.problems(object), tt.problem, tt.spec)
	}
}
