package main

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/lateengo/gateway/rls"
)

// openService returns a store behind an Envoy rate limit service. It gets the limits
// with each question, and needs none of its own.
func openService(address string, log *slog.Logger) (*store, error) {
	conn, err := rls.Dial(address, rls.DialOptions{})
	if err != nil {
		return nil, misaddressed(serviceFlag, err)
	}
	return &store{
		flag:    serviceFlag,
		limiter: rls.New(conn, rls.Options{SendLimits: true, Log: log}),
		reach:   func(ctx context.Context) error { return connected(ctx, conn) },
		close:   conn.Close,
	}, nil
}

// connected waits until a connection is there, and returns an error if it fails.
func connected(ctx context.Context, conn *grpc.ClientConn) error {
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure:
			return errors.New("it accepts no connection")
		}
		if !conn.WaitForStateChange(ctx, state) {
			return context.Cause(ctx)
		}
	}
}
