//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// The servers that are compared with a handler in their own process, and without a proxy.
const (
	handlerLateen  = "handler, lateen's server"
	handlerNetHTTP = "handler, net/http's server"
)

var handlerServers = map[string]func() (string, error){
	handlerLateen: func() (string, error) {
		gw, err := handlerGateway()
		if err != nil {
			return "", err
		}
		s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
		if err := s.Start(); err != nil {
			return "", err
		}
		return s.Addr(80).String(), nil
	},
	handlerNetHTTP: func() (string, error) {
		gw, err := handlerGateway()
		if err != nil {
			return "", err
		}
		return listen(func(l net.Listener) error { return http.Serve(l, gw) })
	},
}

// handlerGateway is a gateway with a route to a handler.
func handlerGateway() (*gateway.Gateway, error) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = io.WriteString(w, smallBody)
	})
	return gateway.New().
		Server(spec.Server{Port: 80, Hosts: []string{"*"}}).
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/products")}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Destinations: []spec.Destination{{Host: "product"}},
		}).
		Backend("product", answer).
		Build()
}

// holdHandler compares the servers with a handler in the same process.
func (p *plan) holdHandler(t *table, _ []*process) error {
	var field []*process
	for _, role := range []string{handlerLateen, handlerNetHTTP} {
		// On a processor of its own, the server limits the rate.
		err := pinned(true, func() error {
			one, err := start(role)
			if err == nil {
				field = append(field, one)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
	}
	for _, one := range field {
		defer one.stop()
	}
	rates, costs, _, err := p.measureCapacity(field, p.closedLoops)
	if err != nil {
		return err
	}
	t.notes = append(t.notes, fmt.Sprintf("HTTP/1.1, a handler in the process: %q serves %.0f requests per second, %.2f times those of %q, in %.2f times the processor time.",
		handlerLateen, median(rates[0]), rates.ratio(0, 1), handlerNetHTTP, costs.ratio(0, 1)))
	return nil
}
