package server_test

import (
	"net"
	"net/http"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
)

// A program serves a gateway with its own http.Server.
func ExampleGuard() {
	gw, err := gateway.New().Backend("*", http.NotFoundHandler()).Build()
	if err != nil {
		panic(err)
	}
	defer gw.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	srv := &http.Server{Handler: gw.InPlace()}
	go func() { _ = srv.Serve(server.Guard(srv, l)) }()
	_ = srv.Close()
}
