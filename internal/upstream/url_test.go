package upstream

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFromURL(t *testing.T) {
	for _, row := range []struct {
		url  string
		want Config
	}{
		{"http://127.0.0.1:8080", Config{Endpoints: []Endpoint{{Address: "127.0.0.1:8080"}}}},
		{"http://127.0.0.1", Config{Endpoints: []Endpoint{{Address: "127.0.0.1:80"}}}},
		{"http://[::1]:8080/", Config{Endpoints: []Endpoint{{Address: "[::1]:8080"}}}},
		{"http://a.test/b/c%2Fd//", Config{Endpoints: []Endpoint{{Address: "a.test:80"}}, Resolution: DNS, BasePath: "/b/c%2Fd"}},
		{"https://a.test", Config{Endpoints: []Endpoint{{Address: "a.test:443"}}, Resolution: DNS, TLS: &tls.Config{ServerName: "a.test"}}},
		{"https://127.0.0.1:8443", Config{Endpoints: []Endpoint{{Address: "127.0.0.1:8443"}}, TLS: &tls.Config{ServerName: "127.0.0.1"}}},
		{"h2c://127.0.0.1:50051", Config{Endpoints: []Endpoint{{Address: "127.0.0.1:50051"}}, Protocol: HTTP2}},
		{"unix:///run/x.sock", Config{Endpoints: []Endpoint{{Address: "unix:/run/x.sock"}}}},
		{"unix:////run/x.sock", Config{Endpoints: []Endpoint{{Address: "unix:/run/x.sock"}}}},
		{"HTTP://A.test:1", Config{Endpoints: []Endpoint{{Address: "A.test:1"}}, Resolution: DNS}},
	} {
		t.Run(row.url, func(t *testing.T) {
			c, err := FromURL(row.url)
			require.NoError(t, err)
			row.want.Name = row.url
			require.Equal(t, row.want, c)
			newUpstream(t, c)
		})
	}
}

func TestFromURLErrors(t *testing.T) {
	for url, problem := range map[string]string{
		"":                          "has no scheme",
		"a.test":                    "has no scheme",
		"a.test:80":                 `scheme "a.test"`,
		"//a.test":                  "has no scheme",
		"ftp://a.test":              `scheme "ftp"`,
		"http:a.test":               "has no host",
		"http://":                   "has no host",
		"http://:80":                "has no host",
		"http://a.test:":            "colon without a port",
		"http://a.test:0":           `port "0"`,
		"http://a.test:65536":       `port "65536"`,
		"http://a.test:x":           "invalid port",
		"http://user:secret@a.test": "has a user",
		"http://a.test?x=1":         "has a query",
		"http://a.test?":            "has a query",
		"http://a.test#x":           "has a fragment",
		"http://a.test/#":           "has a fragment",
		"http://a.test/%zz":         "invalid URL escape",
		"http://[::1":               "missing ']'",
		"http://a b.test":           "invalid character",
		"unix://host/x.sock":        "expected unix:///path/to.sock",
		"unix:///":                  "",
		"unix:":                     "expected unix:///path/to.sock",
		"\x7f":                      "invalid control character",
	} {
		t.Run(url, func(t *testing.T) {
			_, err := FromURL(url)
			if problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, problem)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func FuzzFromURL(f *testing.F) {
	for _, url := range []string{"http://a.test:80/x", "unix:///x", "h2c://[::1]", "https://u:p@h?q#f", "http:/x", "unix:////", "http://[fe80::1%25eth0]:80"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		c, err := FromURL(url)
		if err == nil && c.check() != nil {
			t.Fatalf("%q gives an invalid Config: %v", url, c.check())
		}
	})
}

func TestInvalidConfigs(t *testing.T) {
	for problem, c := range map[string]Config{
		"expected host:port":                {Endpoints: []Endpoint{{Address: "127.0.0.1"}}},
		"is not an IP address":              {Endpoints: []Endpoint{{Address: "a.test:80"}}},
		`port "http"`:                       {Endpoints: []Endpoint{{Address: "127.0.0.1:http"}}},
		"no host":                           {Endpoints: []Endpoint{{Address: ":80"}}},
		"no path of a socket":               {Endpoints: []Endpoint{{Address: "unix://"}}},
		"weight -1 is not from 0":           {Endpoints: []Endpoint{{Address: "127.0.0.1:80", Weight: -1}}},
		"negative connect timeout":          {ConnectTimeout: -1},
		"negative refresh interval":         {Refresh: -1},
		"negative header limit":             {MaxHeaders: -1},
		"does not begin with a slash":       {BasePath: "x"},
		"has a query or a fragment":         {BasePath: "/x?y"},
		"unknown resolution 4":              {Resolution: 4},
		"unknown protocol 3":                {Protocol: 3},
		"unknown balancing policy 5":        {Balancing: Balancing{Policy: 5}},
		"ring size 8388609 is above":        {Balancing: Balancing{MinimumRingSize: 8388609}},
		"table size 4 is not a prime":       {Balancing: Balancing{TableSize: 4}},
		"table size 5000077 is not a prime": {Balancing: Balancing{TableSize: 5000077}},
		"panic threshold 101 is above":      {Balancing: Balancing{PanicThreshold: 101}},
		"negative connection duration":      {MaxConnectionDuration: -1},
		"negative limit of requests":        {MaxRequestsPerConnection: -1},
		"negative limit of concurrent":      {MaxConcurrentStreams: -1},
		"unknown version 3 of the PROXY":    {ProxyProtocol: 3},
		"unknown transport 2":               {Transport: 2},
		`upstream "a": unknown protocol`:    {Name: "a", Protocol: 3},
	} {
		t.Run(problem, func(t *testing.T) {
			_, err := New(c)
			require.ErrorContains(t, err, problem)
		})
	}
	_, err := New(Config{Protocol: 9, Transport: 9})
	require.ErrorContains(t, err, "unknown protocol")
	require.ErrorContains(t, err, "unknown transport")
}
