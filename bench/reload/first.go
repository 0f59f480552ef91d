package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec/istio"
)

// part is one of 100 files with 100 routes each. The first route answers with a number.
func part(i, answer int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: part-%d}\nspec:\n  hosts: ['*']\n  http:\n", i)
	fmt.Fprintf(&b, "  - match: [{uri: {exact: /answer-%d}}]\n    directResponse: {status: 200, body: {string: '%d'}}\n", i, answer)
	for j := range 99 {
		fmt.Fprintf(&b, "  - match: [{uri: {prefix: /api/%d/%d/}}]\n    rewrite: {uri: /}\n    headers: {request: {set: {x-route: '%d'}}}\n"+
			"    route: [{destination: {host: service-%d, port: {number: 8080}}, weight: 90}, {destination: {host: service-%d-next, port: {number: 8080}}, weight: 10}]\n", i, j, j, j, j)
	}
	return b.String()
}

// untilServed measures how long it takes from a rename to the first request on the changed
// route.
func untilServed(changes int) error {
	directory, err := scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	const files = 100
	name := func(i int) string { return filepath.Join(directory, fmt.Sprintf("part-%d.yaml", i)) }
	for i := range files {
		if err := os.WriteFile(name(i), []byte(part(i, 0)), 0o600); err != nil {
			return err
		}
	}
	build := func() *gateway.Builder { return gateway.New().BackendURL("*", "http://127.0.0.1:1") }
	c, err := live.Open(&live.Files{Source: istio.Files(directory).Remember(new(istio.Memory)), Paths: []string{directory}}, build, live.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	var took []time.Duration
	for n := 1; n <= changes; n++ {
		i := n % files
		beside := filepath.Join(directory, ".new")
		if err := os.WriteFile(beside, []byte(part(i, n)), 0o600); err != nil {
			return err
		}
		began := time.Now()
		if err := os.Rename(beside, name(i)); err != nil {
			return err
		}
		want := fmt.Sprint(n)
		for {
			w := httptest.NewRecorder()
			c.Gateway().ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/answer-%d", i), nil))
			if w.Body.String() == want {
				break
			}
			if time.Since(began) > 10*time.Second {
				return fmt.Errorf("change %d is not served after 10 s: %w", n, c.Status().Err)
			}
			time.Sleep(200 * time.Microsecond)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	fmt.Printf("one of 10,000 routes changed, %d times: served after p50 %v, p99 %v, most %v\n", changes,
		took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	return nil
}
