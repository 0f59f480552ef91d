package interop

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// calls wraps a case that consists of calls of the test service.
func calls(do func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)) func(context.Context, *grpc.ClientConn) {
	return func(ctx context.Context, conn *grpc.ClientConn) { do(ctx, testpb.NewTestServiceClient(conn)) }
}

// interopCases are the ordinary cases of gRPC's interoperability tests: those
// that need no credentials and no particular balancer.
var interopCases = []struct {
	name string
	run  func(context.Context, *grpc.ClientConn)
}{
	{"empty_unary", calls(interop.DoEmptyUnaryCall)},
	{"large_unary", calls(interop.DoLargeUnaryCall)},
	{"client_streaming", calls(interop.DoClientStreaming)},
	{"server_streaming", calls(interop.DoServerStreaming)},
	{"ping_pong", calls(interop.DoPingPong)},
	{"empty_stream", calls(interop.DoEmptyStream)},
	{"custom_metadata", calls(interop.DoCustomMetadata)},
	{"status_code_and_message", calls(interop.DoStatusCodeAndMessage)},
	{"special_status_message", calls(interop.DoSpecialStatusMessage)},
	{"cancel_after_begin", calls(interop.DoCancelAfterBegin)},
	{"cancel_after_first_response", calls(interop.DoCancelAfterFirstResponse)},
	{"timeout_on_sleeping_server", calls(interop.DoTimeoutOnSleepingServer)},
	{"unimplemented_method", interop.DoUnimplementedMethod},
	{"unimplemented_service", func(ctx context.Context, conn *grpc.ClientConn) {
		interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(conn))
	}},
}

func TestGRPC(t *testing.T) {
	backend := startInteropServer(t)
	port := backend.Port
	behind := map[string]func(*gateway.Builder){
		"URL": func(b *gateway.Builder) { b.BackendURL("grpc.example.com", fmt.Sprintf("h2c://%s", backend)) },
		"Service": func(b *gateway.Builder) {
			b.Service(spec.Service{
				Hosts:      []string{"grpc.example.com"},
				Ports:      []spec.ServicePort{{Number: port, Name: "grpc", Protocol: "GRPC"}},
				Resolution: spec.ResolveStatic,
				Endpoints:  []spec.Endpoint{{Address: backend.IP.String()}},
			})
		},
	}
	routes := map[string]func(*spec.Route){
		"default policy": func(*spec.Route) {},
		"route timeout":  func(r *spec.Route) { r.Timeout = patience },
		"no retries":     func(r *spec.Route) { r.Retry = &spec.Retry{} },
		"retries on every failure": func(r *spec.Route) {
			r.Retry = &spec.Retry{Attempts: 2, PerTryTimeout: patience / 2, On: []string{"5xx", "reset", "unavailable"}}
		},
	}
	for to, add := range behind {
		for policy, change := range routes {
			t.Run(to+"/"+policy, func(t *testing.T) {
				b, route := gateway.New(), everything("grpc.example.com")
				add(b)
				change(&route)
				conn := dialGRPC(t, serve(t, b.Route(route)))
				for _, c := range interopCases {
					t.Run(c.name, func(t *testing.T) { runInterop(t, conn, c.run) })
				}
			})
		}
	}
}

// startInteropServer serves gRPC's interoperability test service.
func startInteropServer(t *testing.T) *net.TCPAddr {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	testpb.RegisterTestServiceServer(s, interop.NewTestServer())
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().(*net.TCPAddr)
}

func dialGRPC(t *testing.T, address string) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func runInterop(t *testing.T, conn *grpc.ClientConn, run func(context.Context, *grpc.ClientConn)) {
	defer func() {
		if fatal, ok := recover().(interopFailure); ok {
			t.Fatal(string(fatal))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	run(ctx, conn)
}

// Without a backend, gRPC's client gets a gRPC error immediately.
func TestGRPCWithoutBackend(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := gone.Addr().(*net.TCPAddr).Port
	require.NoError(t, gone.Close())
	b := gateway.New().BackendURL("grpc.example.com", "h2c://127.0.0.1:"+strconv.Itoa(port)).Route(everything("grpc.example.com"))
	conn := dialGRPC(t, serve(t, b))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = testpb.NewTestServiceClient(conn).EmptyCall(ctx, &testpb.Empty{})
	require.ErrorContains(t, err, "code = Unavailable")
	require.NoError(t, ctx.Err(), "it is told before its time is up")
}
