package gateway_test

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// Below a path of a mux or a chi router, a gateway matches the path below the
// mount. A redirect that keeps the path also keeps the mount.
func ExampleGateway_ServeHTTP() {
	gw, err := gateway.New().
		Route(spec.Route{
			Match:    []spec.Match{{URI: spec.Prefix("/cart")}},
			Redirect: &spec.Redirect{Scheme: "https"},
		}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	mux := http.NewServeMux()
	mux.Handle("/shop/", http.StripPrefix("/shop", gw))
	fmt.Println(get(mux, "http://example.com/shop/cart?id=7").Header().Get("Location"))

	router := chi.NewRouter()
	router.Mount("/shop", gw)
	fmt.Println(get(router, "http://example.com/shop/cart?id=7").Header().Get("Location"))
	// Output:
	// https://example.com/shop/cart?id=7
	// https://example.com/shop/cart?id=7
}
