// Sharedlimit runs three gateways that share one rate limit through Redis, as replicas
// of a deployment do. It needs a Redis server:
//
//	redis-server --save "" &
//	go -C examples/sharedlimit run .
package main

import (
	"embed"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/redislimit"
	"github.com/lateengo/gateway/spec/istio"
)

//go:embed limits.yaml
var files embed.FS

func main() {
	addrs := flag.String("addr", "127.0.0.1:8086,127.0.0.1:8087,127.0.0.1:8088", "`addresses` to listen on")
	redis := flag.String("redis", "127.0.0.1:6379", "`address` of the Redis server")
	flag.Parse()
	if err := run(strings.Split(*addrs, ","), *redis); err != nil {
		log.Fatal(err)
	}
}

func run(addrs []string, redis string) error {
	client, err := redislimit.NewClient(redis)
	if err != nil {
		return err
	}
	defer client.Close()
	ended := make(chan error, len(addrs))
	for i, addr := range addrs {
		// Each gateway has a limiter of its own, as in a process of its own.
		gw, err := newGateway(fmt.Sprint("gateway ", i+1), redislimit.New(client, redislimit.Options{}))
		if err != nil {
			return err
		}
		defer gw.Close()
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		fmt.Printf("listening on http://%s\n", listener.Addr())
		go func() { ended <- http.Serve(listener, gw) }()
	}
	fmt.Println("try: for i in $(seq 12); do curl -sw '%{http_code}\\n' -o /dev/null http://" + addrs[0] + "; done; curl -i http://" + addrs[len(addrs)-1])
	return <-ended
}

// newGateway returns one of the gateways. The limits in YAML use the limiter with the
// name "default".
func newGateway(name string, limiter ratelimit.Limiter) (*gateway.Gateway, error) {
	return gateway.New().
		Load(istio.FS(files, "limits.yaml")).
		Limiter("default", limiter).
		Backend("shop", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "shop behind", name) })).
		Build()
}
