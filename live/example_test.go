package live_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

const shopYAML = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - route: [{destination: {host: shop}}]
`

// The files of a directory, served with ports of their own.
func Example() {
	conf, _ := os.MkdirTemp("", "conf")
	defer os.RemoveAll(conf)
	_ = os.WriteFile(filepath.Join(conf, "shop.yaml"), []byte(shopYAML), 0o644)
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "welcome") })

	source := &live.Files{Source: istio.Files(conf), Paths: []string{conf}}
	build := func() *gateway.Builder { return gateway.New().Backend("shop", shop) }
	c, err := live.Open(source, build, live.Options{Log: slog.Default()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	s := server.New(c.Gateway(), server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Shutdown(context.Background())
	c.ReplaceWith(s.Replace) // ports and certificates too

	r := httptest.NewRequest("GET", "http://shop.example.com/", nil)
	w := httptest.NewRecorder()
	c.Gateway().ServeHTTP(w, r)
	fmt.Println(w.Body, c.Status().Generation)
	// Output: welcome 1
}

// A Switch is a Source of one's own: it closes the shop, and opens it again.
type Switch struct{ closed chan bool }

func (s Switch) Declare() (spec.Declarations, error) {
	route := spec.Route{Destinations: []spec.Destination{{Host: "shop"}}}
	if len(s.closed) > 0 && <-s.closed {
		route = spec.Route{DirectResponse: &spec.DirectResponse{Status: 503, Body: []byte("closed")}}
	}
	return spec.Declarations{VirtualServices: []spec.VirtualService{{Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{route}}}}, nil
}

func (s Switch) Watch(ctx context.Context, changed func()) error {
	<-ctx.Done() // call changed whenever Declare would return something else
	return nil
}

// A Source of one's own has two methods.
func ExampleSource() {
	s := Switch{closed: make(chan bool, 1)}
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "welcome") })
	c, err := live.Open(s, func() *gateway.Builder { return gateway.New().Backend("shop", shop) }, live.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	s.closed <- true
	if err := c.Reload(); err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	c.Gateway().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 503 closed
}
