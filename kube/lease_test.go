package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
)

func TestLease(t *testing.T) {
	api := newAPIServer(t)
	config := api.config()
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	ctx := t.Context()
	times := leaseTimes{duration: 300 * time.Millisecond, renewed: 200 * time.Millisecond, retry: 0}
	one, two := newLease(client, "a", "b", "one", times), newLease(client, "a", "b", "two", times)
	hold := func(l *lease) bool {
		held, err := l.hold(ctx)
		require.NoError(t, err)
		return held
	}
	require.True(t, hold(one))
	require.False(t, hold(two))
	require.True(t, hold(one), "it is renewed")
	// It is given back.
	one.times.retry = time.Second
	one.release(ctx)
	require.True(t, hold(two))
	one.times.retry = 0
	require.False(t, hold(one))
	// The holder stands still, and the other one takes the lease after a time.
	require.Eventually(t, func() bool { return hold(one) }, patience, 10*time.Millisecond)
	require.False(t, hold(two))
	u, err := one.leases.Get(ctx, "b", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 2, field(u.Object["spec"], "leaseTransitions"))
	require.Equal(t, "one", field(u.Object["spec"], "holderIdentity"))

	// Out of reach, nobody holds it, and that is an error.
	api.Server.Close()
	_, err = one.hold(ctx)
	require.Error(t, err)
	require.Eventually(t, func() bool {
		held, _ := one.hold(ctx)
		return !held
	}, patience, 10*time.Millisecond)
}
