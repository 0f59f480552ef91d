package kube_test

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/kube"
	"github.com/lateengo/gateway/live"
)

// A program serves what is in a cluster, and follows its changes.
func Example() {
	config, err := kube.Config("")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	source, err := kube.Open(ctx, config, kube.Options{Namespaces: []string{"shop"}})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	build := func() *gateway.Builder { return gateway.New().Workload("istio-system", nil) }
	c, err := live.Open(source, build, live.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	log.Fatal(http.ListenAndServe(":8080", c.Gateway()))
}
