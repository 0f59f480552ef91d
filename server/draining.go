package server

import (
	"context"

	"github.com/lateengo/gateway/internal/hijack"
)

// Draining returns a channel that is closed when the listener of a request ends, after
// Config.GracePeriod, and wants its upgraded connections to end. ctx is the context of the
// request. The channel is nil if the request did not come through this package.
//
// WebSockets of destinations outside this process get a close frame then, with the status
// 1001, between two frames of the destination. A handler that hijacks a connection itself
// knows alone what it is sending, so it must send a close frame of its own:
//
//	select {
//	case <-server.Draining(r.Context()):
//		// Send a close frame, and close the connection.
//	case message := <-messages:
//	}
func Draining(ctx context.Context) <-chan struct{} {
	if leaving := hijack.Leaving(ctx); leaving != nil {
		return leaving.Done()
	}
	return nil
}
