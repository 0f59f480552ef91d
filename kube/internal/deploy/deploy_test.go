// Package deploy checks the manifests of the directory deploy.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const directory = "../../../deploy"

// typed are the kinds of the manifests. The CustomResourceDefinition has a test of its own.
var typed = map[string]func() any{
	"apps/v1 Deployment":                              func() any { return new(appsv1.Deployment) },
	"autoscaling/v2 HorizontalPodAutoscaler":          func() any { return new(autoscalingv2.HorizontalPodAutoscaler) },
	"networking.k8s.io/v1 NetworkPolicy":              func() any { return new(networkingv1.NetworkPolicy) },
	"policy/v1 PodDisruptionBudget":                   func() any { return new(policyv1.PodDisruptionBudget) },
	"rbac.authorization.k8s.io/v1 ClusterRole":        func() any { return new(rbacv1.ClusterRole) },
	"rbac.authorization.k8s.io/v1 ClusterRoleBinding": func() any { return new(rbacv1.ClusterRoleBinding) },
	"rbac.authorization.k8s.io/v1 Role":               func() any { return new(rbacv1.Role) },
	"rbac.authorization.k8s.io/v1 RoleBinding":        func() any { return new(rbacv1.RoleBinding) },
	"v1 Namespace":      func() any { return new(corev1.Namespace) },
	"v1 Service":        func() any { return new(corev1.Service) },
	"v1 ServiceAccount": func() any { return new(corev1.ServiceAccount) },
}

// manifests reads all manifests strictly, and returns the objects by kind and name.
func manifests(t *testing.T) map[string]any {
	out := map[string]any{}
	files, err := filepath.Glob(directory + "/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var head struct {
				metav1.TypeMeta `json:",inline"`
				Metadata        metav1.ObjectMeta `json:"metadata"`
			}
			require.NoError(t, yaml.Unmarshal([]byte(document), &head))
			made := typed[head.APIVersion+" "+head.Kind]
			require.NotNil(t, made, "%s: %s %s", file, head.APIVersion, head.Kind)
			object := made()
			require.NoError(t, yaml.UnmarshalStrict([]byte(document), object), file)
			out[head.Kind+" "+head.Metadata.Name] = object
		}
	}
	return out
}

func TestKustomization(t *testing.T) {
	text, err := os.ReadFile(directory + "/kustomization.yaml")
	require.NoError(t, err)
	var k struct {
		Resources []string `json:"resources"`
	}
	require.NoError(t, yaml.Unmarshal(text, &k))
	var files []string
	for _, pattern := range []string{"*.yaml", "crds/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(directory, pattern))
		require.NoError(t, err)
		for _, file := range found {
			name, err := filepath.Rel(directory, file)
			require.NoError(t, err)
			if name != "kustomization.yaml" {
				files = append(files, name)
			}
		}
	}
	slices.Sort(files)
	slices.Sort(k.Resources)
	require.Equal(t, files, k.Resources)
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl: kustomize is not run")
	}
	out, err := exec.Command(kubectl, "kustomize", directory).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestDeployment(t *testing.T) {
	all := manifests(t)
	d := all["Deployment lateen"].(*appsv1.Deployment)
	pod := d.Spec.Template.Spec
	require.Len(t, pod.Containers, 1)
	c := pod.Containers[0]

	usage, err := os.ReadFile("../../../cmd/lateen/testdata/commands/usage.txt")
	require.NoError(t, err)
	flags := map[string]string{}
	for _, arg := range c.Args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		require.Regexp(t, regexp.MustCompile(`(?m)^  `+regexp.QuoteMeta(name)+`( |$)`), string(usage), "lateen has the flag")
		flags[name] = value
	}
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	for _, p := range all["Service lateen"].(*corev1.Service).Spec.Ports {
		require.Contains(t, ports, p.TargetPort.StrVal)
	}
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		require.Equal(t, intstr.FromString("admin"), probe.HTTPGet.Port)
	}
	require.EqualValues(t, 9901, ports["admin"])
	require.True(t, strings.HasSuffix(flags["--admin"], ":9901"))

	// It sleeps, drains, and is not killed before.
	require.Equal(t, "30s", flags["--drain-timeout"])
	require.Greater(t, *pod.TerminationGracePeriodSeconds, c.Lifecycle.PreStop.Sleep.Seconds+30)

	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)

	// The selectors of all objects fit the pods.
	labels := d.Spec.Template.Labels
	fits := func(selector map[string]string) {
		t.Helper()
		require.NotEmpty(t, selector)
		for name, value := range selector {
			require.Equal(t, value, labels[name])
		}
	}
	fits(d.Spec.Selector.MatchLabels)
	fits(all["Service lateen"].(*corev1.Service).Spec.Selector)
	fits(all["PodDisruptionBudget lateen"].(*policyv1.PodDisruptionBudget).Spec.Selector.MatchLabels)
	fits(all["NetworkPolicy lateen"].(*networkingv1.NetworkPolicy).Spec.PodSelector.MatchLabels)
	target := all["HorizontalPodAutoscaler lateen"].(*autoscalingv2.HorizontalPodAutoscaler).Spec.ScaleTargetRef
	require.Equal(t, "Deployment lateen", target.Kind+" "+target.Name)
	require.Nil(t, d.Spec.Replicas, "the autoscaler sets it")
}
