package server

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLifetime(t *testing.T) {
	type key struct{}
	above, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	defer cancel()
	c := guard(nil)
	l := newLifetime(above, c)
	require.Same(t, c, l.Value(guardKey{}))
	require.Equal(t, "value", l.Value(key{}))

	below, cancelBelow := context.WithCancel(l)
	done, cancelDone := context.WithCancel(l)
	called := make(chan struct{})
	stop := context.AfterFunc(l, func() { panic("it was stopped") })
	context.AfterFunc(l, func() { close(called) })
	defer cancelBelow()
	require.Len(t, l.after, 4)
	cancelDone()
	require.ErrorIs(t, done.Err(), context.Canceled)
	require.True(t, stop())
	require.False(t, stop())
	require.Len(t, l.after, 2, "those that ended before are forgotten")
	require.NoError(t, l.Err())
	require.NoError(t, below.Err())

	l.end()
	within(t, below.Done())
	within(t, called)
	within(t, l.Done())
	require.ErrorIs(t, l.Err(), context.Canceled)
	require.ErrorIs(t, context.Cause(below), context.Canceled)
	l.end()

	late, cancelLate := context.WithCancel(l)
	defer cancelLate()
	within(t, late.Done())
	late2 := make(chan struct{})
	require.False(t, context.AfterFunc(l, func() { close(late2) })())
	within(t, late2)
	require.NoError(t, above.Err())
}
