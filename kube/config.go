package kube

import (
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config returns how the API server is reached: as the kubeconfig file says if one is
// given. Otherwise it is as a pod in the cluster reaches it, or outside of a cluster as
// $KUBECONFIG or ~/.kube/config says, in its current context.
func Config(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		c, err := rest.InClusterConfig()
		if err == nil || !errors.Is(err, rest.ErrNotInCluster) {
			return c, err
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err) || errors.Is(err, os.ErrNotExist) && kubeconfig == "":
		return nil, errors.New("no cluster is known: this is no pod, and neither $KUBECONFIG nor ~/.kube/config names one")
	case err != nil && kubeconfig != "":
		return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	return c, err
}
