package redislimit

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestNewClient(t *testing.T) {
	for address, want := range map[string]redis.Options{
		"localhost:7000":                      {Addr: "localhost:7000"},
		"localhost":                           {Addr: "localhost:6379"},
		"[::1]:7000":                          {Addr: "[::1]:7000"},
		"10.0.0.1":                            {Addr: "10.0.0.1:6379"},
		"redis://a":                           {Addr: "a:6379"},
		"redis://u:p%2F@a:1/3":                {Addr: "a:1", Username: "u", Password: "p/", DB: 3},
		"rediss://a:1":                        {Addr: "a:1"},
		"unix:///run/redis.sock":              {Addr: "/run/redis.sock"},
		"unix://u:p@/run/redis.sock?db=2":     {Addr: "/run/redis.sock", Username: "u", Password: "p", DB: 2},
		"redis://a?max_retries=2":             {Addr: "a:6379", MaxRetries: 2},
		"redis://a?read_timeout=3s&db=7":      {Addr: "a:6379", DB: 7, ReadTimeout: 3 * time.Second},
		"redis+sentinel://a?master_name=shop": {Addr: "FailoverClient"},
		"redis+sentinel://a:1/4?master_name=shop&addr=b:2&username=u&password=p": {Addr: "FailoverClient", DB: 4, Username: "u", Password: "p"},
		"rediss+sentinel://a?master_name=shop":                                   {Addr: "FailoverClient"},
	} {
		t.Run(address, func(t *testing.T) {
			client, ok := newClient(t, address).(*redis.Client)
			require.True(t, ok)
			got := client.Options()
			if want.ReadTimeout == 0 {
				want.ReadTimeout = time.Second
			}
			require.Equal(t, want, redis.Options{Addr: got.Addr, Username: got.Username, Password: got.Password, DB: got.DB, ReadTimeout: got.ReadTimeout, MaxRetries: max(got.MaxRetries, 0)})
			require.Equal(t, address[:3] == "red" && address[5] == 's', got.TLSConfig != nil)
			require.True(t, got.ContextTimeoutEnabled)
			require.Equal(t, 1, got.DialerRetries)
			require.Equal(t, time.Second, got.WriteTimeout)
			require.Equal(t, time.Second, got.DialTimeout)
			require.True(t, New(client, Options{}).together)
		})
	}
	for _, address := range []string{"redis+cluster://u:p@a:1?addr=b:2&dial_timeout=5s", "rediss+cluster://u:p@a:1?addr=b:2&dial_timeout=5s"} {
		client, ok := newClient(t, address).(*redis.ClusterClient)
		require.True(t, ok)
		got := client.Options()
		require.Equal(t, []string{"a:1", "b:2"}, got.Addrs)
		require.Equal(t, "u", got.Username)
		require.Equal(t, "p", got.Password)
		require.Equal(t, 5*time.Second, got.DialTimeout)
		require.Equal(t, time.Second, got.ReadTimeout)
		require.Equal(t, address[5] == 's', got.TLSConfig != nil)
		require.True(t, got.ContextTimeoutEnabled)
		require.Equal(t, -1, got.MaxRetries)
		require.False(t, New(client, Options{}).together)
	}
}

func TestNewClientErrors(t *testing.T) {
	for address, want := range map[string]string{
		"":                            "neither host:port nor a URL",
		":6379":                       "neither host:port nor a URL",
		"a:b":                         "neither host:port nor a URL",
		"a:1/2":                       "neither host:port nor a URL",
		"u:secret@a:1":                "neither host:port nor a URL",
		"http://a":                    "invalid URL scheme: http",
		"redis+http://a":              `unknown scheme "redis+http"`,
		"unix+cluster:///a":           `unknown scheme "unix+cluster"`,
		"http+cluster://a":            "invalid URL scheme: http",
		"unix://":                     "empty unix socket path",
		"redis://a:x":                 "invalid port",
		"redis://a/x":                 "invalid database number",
		"redis://a?b=c":               "unexpected option: b",
		"redis+cluster://a?addr=b":    "unable to parse addr",
		"redis+sentinel://a":          "master_name is missing",
		"redis://u:sec/ret@a":         "cannot be parsed",
		"redis://u:12/secret@a":       "must be escaped",
		"redis://u:12?secret@a":       "must be escaped",
		"redis://u:12#secret@a":       "must be escaped",
		"redis://u:se%zzcret@a":       "cannot be parsed",
		"redis://u:secret@a/database": "invalid database number",
		"redis+sentinel://a?master_name=m&route_randomly=true":   "only the master counts",
		"redis+sentinel://a?master_name=m&route_by_latency=true": "only the master counts",
		"redis+sentinel://a?master_name=m&replica_only=true":     "only the master counts",
	} {
		t.Run(address, func(t *testing.T) {
			client, err := NewClient(address)
			require.Nil(t, client)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "redislimit: ")
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "ret@")
			require.NotContains(t, err.Error(), "%zz")
		})
	}
}
