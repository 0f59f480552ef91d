package kube

import (
	"context"
	"encoding/json"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// The bounds of requests, which are for bursts: a watch is one request.
const (
	requestsPerSecond = 50
	requestBurst      = 200
)

// clientsOf returns the clients for a cluster.
func clientsOf(config *rest.Config) (clients, error) {
	c := dynamic.ConfigFor(config)
	if c.QPS == 0 && c.RateLimiter == nil {
		c.QPS, c.Burst = requestsPerSecond, requestBurst
	}
	if c.WarningHandler == nil && c.WarningHandlerWithContext == nil {
		c.WarningHandler = rest.NoWarnings{}
	}
	if c.UserAgent == "" {
		c.UserAgent = "lateen"
	}
	client, err := rest.HTTPClientFor(c)
	if err != nil {
		return clients{}, err
	}
	objects, err := dynamic.NewForConfigAndClient(c, client)
	if err != nil {
		return clients{}, err
	}
	plain, err := rest.UnversionedRESTClientForConfigAndClient(c, client)
	if err != nil {
		return clients{}, err
	}
	return clients{
		objects: objects,
		host:    config.Host,
		serves: func(ctx context.Context, k *kind, version string) (bool, error) {
			return serves(ctx, plain, k, version)
		},
	}, nil
}

// serves reports whether the API server has a kind in a version.
func serves(ctx context.Context, c rest.Interface, k *kind, version string) (bool, error) {
	data, err := c.Get().AbsPath("/apis/"+k.group+"/"+version).SetHeader("Accept", "application/json").Do(ctx).Raw()
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case apierrors.IsForbidden(err):
		// The list tells.
		return true, nil
	case err != nil:
		return false, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(data, &list); err != nil {
		return false, err
	}
	return slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == k.resource }), nil
}
