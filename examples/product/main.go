// Product serves the gateway of product.yaml, the same file that a cluster's
// Istio would take, with both versions of the product service in this process.
//
//	go run ./examples/product
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec/istio"
)

//go:embed product.yaml
var config []byte

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

// newGateway puts handlers behind the destinations that product.yaml names. A
// short name stands for the service of that name in the default namespace:
// product-service.default.svc.cluster.local.
func newGateway() (*gateway.Gateway, error) {
	return gateway.New().
		Load(istio.Bytes("product.yaml", config)).
		Backend("product-service", product("v1")).
		Backend("product-service-v2", product("v2")).
		Build() // the error lists every problem of the file, each with its line
}

// product is a version of the product service. It tells what has reached it.
func product(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "product %s: %s %s, X-Forwarded-Proto: %s\n",
			version, r.Method, r.URL.RequestURI(), r.Header.Get("X-Forwarded-Proto"))
	})
}

const welcome = `listening on http://%[1]s

  curl http://%[1]s/products/1      # the product service gets /1
  curl -i http://%[1]s/other        # no route matches: 404
  curl -s 'http://%[1]s/products?[1-50]' | cut -d: -f1 | sort | uniq -c      # 90/10
  curl -s -o /dev/null -w '%%{http_code}\n' 'http://%[1]s/products?[1-300]' | sort | uniq -c      # 429 over the limit
`

func run(ctx context.Context, addr string) error {
	gw, err := newGateway()
	if err != nil {
		return err
	}
	defer gw.Close()

	// The server of product.yaml is on port 80. A gateway is a plain handler,
	// so it is up to the program where to listen.
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf(welcome, listener.Addr())

	server := &http.Server{Handler: gw, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return <-stopped
}
