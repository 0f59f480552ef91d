package kube

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// problemsOf returns the problems in an error. If a port cannot be opened, that is a
// problem of the Gateways that have it and are not in service as they are.
func problemsOf(err error, taken, good map[key]*object) iter.Seq[*spec.Error] {
	return func(yield func(*spec.Error) bool) {
		for e := range spec.Errors(err) {
			if !yield(e) {
				return
			}
		}
		for _, e := range unopened(err) {
			address, ok := e.Addr.(*net.TCPAddr)
			if !ok {
				continue
			}
			for k, o := range taken {
				if before := good[k]; before != nil && before.text == o.text || !slices.Contains(o.ports, int64(address.Port)) {
					continue
				}
				if !yield(&spec.Error{Finding: spec.Finding{
					Kind: k.kind.name, Namespace: k.namespace, Name: k.name,
					Problem: fmt.Sprintf("port %d cannot be opened: %v", address.Port, e.Err),
				}}) {
					return
				}
			}
		}
	}
}

// unopened returns the errors of listeners in an error.
func unopened(err error) (out []*net.OpError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, unopened(e)...)
		}
		return out
	}
	var e *net.OpError
	if errors.As(err, &e) && e.Op == "listen" {
		out = append(out, e)
	}
	return out
}
