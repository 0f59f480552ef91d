package kube

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func objectOf(t *testing.T, text string) *object {
	u := parse(t, text)[0]
	for _, k := range kinds {
		if k.name == u.GetKind() {
			o, err := newObject(k, u)
			require.NoError(t, err)
			return o
		}
	}
	t.Fatal(text)
	return nil
}

func problem(kind, name string) error {
	return &spec.Error{Finding: spec.Finding{Kind: kind, Namespace: "shop", Name: name, Field: "spec", Line: 7, Problem: "is wrong"}}
}

func TestParts(t *testing.T) {
	var p parts
	discard := slog.New(slog.DiscardHandler)
	take := func(objects ...*object) (documents int, warnings []string) {
		_, found := p.take(objects)
		for _, w := range found {
			warnings = append(warnings, w.String())
		}
		return len(p.taken), warnings
	}
	gate, one, two := objectOf(t, door), objectOf(t, says("cart", "one")), objectOf(t, says("cart", "two"))
	take(gate, one)
	p.accept()

	// The version before is used.
	take(gate, two)
	require.True(t, p.blame(errors.Join(problem("VirtualService", "cart"), problem("VirtualService", "cart")), discard))
	n, warnings := take(gate, two)
	require.Equal(t, 2, n)
	require.Equal(t, one, p.taken[one.key])
	require.Equal(t, []string{"VirtualService shop/cart: spec: the version before stays in service: is wrong"}, warnings)

	// If that has an error too, the object is left out.
	require.True(t, p.blame(problem("VirtualService", "cart"), discard))
	n, warnings = take(gate, two)
	require.Equal(t, 1, n)
	require.Equal(t, []string{"VirtualService shop/cart: spec: the object is left out: is wrong"}, warnings)
	require.Len(t, p.leftOut(), 1)

	// An error of something else cannot be helped: then nothing is replaced.
	require.False(t, p.blame(problem("Backend", "cart"), discard))
	require.False(t, p.blame(errors.New("no object"), discard))
	require.False(t, p.blame(problem("VirtualService", "unknown"), discard))
	p.accept()
	require.Equal(t, one, p.good[one.key], "it is kept for better times")

	// What runs somewhere else is no reason to try it again, and what people write is.
	_, warnings = take(gate, two, objectOf(t, slice("other", "other", 80, true, "a")))
	require.Len(t, warnings, 1)
	n, warnings = take(gate, two, objectOf(t, service("cart")))
	require.Equal(t, 3, n)
	require.Empty(t, warnings)
}

func TestPortsThatCannotBeOpened(t *testing.T) {
	var p parts
	discard := slog.New(slog.DiscardHandler)
	gate := objectOf(t, door)
	low := objectOf(t, `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: low, namespace: shop}
spec:
  servers:
  - {port: {number: 22, name: http, protocol: HTTP}, hosts: ["*"]}`)
	p.take([]*object{gate})
	p.accept()
	p.take([]*object{gate, low})
	fails := func(port int) error {
		return errors.Join(fmt.Errorf("port %d: %w", port, &net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{Port: port}, Err: syscall.EACCES}))
	}
	require.True(t, p.blame(fails(22), discard))
	_, warnings := p.take([]*object{gate, low})
	require.Len(t, warnings, 1)
	require.Equal(t, "Gateway shop/low: the object is left out: port 22 cannot be opened: permission denied", warnings[0].String())
	require.Equal(t, map[key]*object{gate.key: gate}, p.taken)
	// Port 80 is in service: its Gateway is not to blame.
	require.False(t, p.blame(fails(80), discard))
	require.False(t, p.blame(&net.OpError{Op: "dial", Err: syscall.EACCES}, discard))
}
