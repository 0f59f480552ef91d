//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// check checks the answers that every contestant must give.
func (p *plan) check(c *process) error {
	for _, http2 := range []bool{false, true} {
		if http2 && isBare(c.name) {
			continue
		}
		transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
		transport.Protocols.SetHTTP1(!http2)
		transport.Protocols.SetUnencryptedHTTP2(http2)
		err := checkWith(&http.Client{Transport: transport, Timeout: 10 * time.Second}, "http://"+c.addresses[0]+"/products")
		transport.CloseIdleConnections()
		if err != nil {
			return err
		}
	}
	return nil
}

func checkWith(client *http.Client, url string) error {
	const asked = 400
	seen := map[string]int{}
	for range asked {
		r, err := http.NewRequest(http.MethodPost, url+"/echo?size=1%2F2&b", strings.NewReader("hello"))
		if err != nil {
			return err
		}
		r.Host = "shop.example.com"
		r.Header["X-Color"] = []string{"red", "blue"}
		response, body, err := fetch(client, r)
		if err != nil {
			return err
		}
		const want = `POST /echo?size=1%2F2&b Host=shop.example.com Proto=["https"] For=["127.0.0.1"] Color=["red" "blue"] Body="hello"` + "\n"
		if response.StatusCode != http.StatusOK || body != want {
			return fmt.Errorf("status %d and body %q instead of 200 and %q", response.StatusCode, body, want)
		}
		seen[response.Header.Get("X-Backend")]++
	}
	// Six standard deviations around a tenth.
	if v2 := seen["v2"]; v2 < asked/10-36 || v2 > asked/10+36 || seen["v1"]+v2 != asked {
		return fmt.Errorf("the backends got %v of %d requests", seen, asked)
	}
	const large = 3<<20 + 1
	for path, want := range map[string]int{"/1": len(smallBody), fmt.Sprintf("/bytes?n=%d", large): large} {
		r, err := http.NewRequest(http.MethodGet, url+path, nil)
		if err != nil {
			return err
		}
		response, body, err := fetch(client, r)
		if err != nil {
			return err
		}
		if len(body) != want || response.ContentLength != int64(want) {
			return fmt.Errorf("%s: %d bytes, announced as %d, instead of %d", path, len(body), response.ContentLength, want)
		}
	}
	r, err := http.NewRequest(http.MethodPost, url+"/sink", io.LimitReader(endless{}, large))
	if err != nil {
		return err
	}
	if _, body, err := fetch(client, r); err != nil || body != fmt.Sprint(large) {
		return fmt.Errorf("a body of %d bytes arrived as %q: %v", large, body, err)
	}
	return nil
}

// endless is a body of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func fetch(client *http.Client, r *http.Request) (*http.Response, string, error) {
	response, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}
