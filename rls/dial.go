package rls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// How long a connection takes to come back after an outage. The gateway tries a limiter
// that failed once in a second. If a connection took as long, it would often come too
// late for the first try after an outage, and the gateway would notice after two seconds.
const (
	firstPause     = 100 * time.Millisecond
	longestPause   = 200 * time.Millisecond
	connectTimeout = 2 * time.Second
)

// unacknowledged is how long data may stay unacknowledged before a connection
// counts as broken. It is about hosts that vanish. The kernel of a process that
// hangs still acknowledges.
const unacknowledged = 5 * time.Second

// DialOptions are the options of Dial. The zero value has the defaults.
type DialOptions struct {
	// TLS is the configuration for an address with grpcs://, or for one without a
	// scheme, which then means grpcs://. The default for grpcs:// has the host of
	// the address as server name, the authorities of the system and TLS 1.2. Dial
	// makes a copy.
	TLS *tls.Config
}

// Dial returns a connection for New. It begins to connect and does not wait.
// The caller closes the connection. The address is one of these:
//
//	ratelimit.shop:8081
//	grpc://ratelimit.shop:8081
//	grpcs://ratelimit.shop:8081
//	unix:///run/ratelimit.sock
//
// The first two use plain text, and grpcs uses TLS. If the name has several
// addresses, they take turns. A broken connection is replaced within about a
// quarter of a second after the service is there again. Proxies from the environment are not
// used.
func Dial(address string, options DialOptions) (*grpc.ClientConn, error) {
	target, host, secure, err := parseAddress(address, options.TLS != nil)
	if err != nil {
		return nil, fmt.Errorf("rls: address of the rate limit service: %w", err)
	}
	creds := insecure.NewCredentials()
	if secure {
		creds = credentials.NewTLS(clientTLS(options.TLS, host))
	}
	dialer := net.Dialer{Control: control}
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			if path, ok := strings.CutPrefix(address, "unix:"); ok {
				return dialer.DialContext(ctx, "unix", path)
			}
			return dialer.DialContext(ctx, "tcp", address)
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstPause, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestPause},
			MinConnectTimeout: connectTimeout,
		}),
		// An idle connection would make the next request wait.
		grpc.WithIdleTimeout(0),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	)
	if err != nil {
		return nil, fmt.Errorf("rls: %w", err)
	}
	conn.Connect()
	return conn, nil
}

// parseAddress returns the target for gRPC, the host, and whether to use TLS.
func parseAddress(address string, secure bool) (target, host string, tls bool, err error) {
	scheme, rest, hasScheme := strings.Cut(address, "://")
	if !hasScheme {
		scheme, rest = "grpc", address
		if secure {
			scheme = "grpcs"
		}
	}
	switch scheme {
	case "grpc", "grpcs":
		tls = scheme == "grpcs"
		if secure && !tls {
			return "", "", false, errors.New("a configuration for TLS needs grpcs://")
		}
		host, port, err := net.SplitHostPort(rest)
		number, wrong := strconv.ParseUint(port, 10, 16)
		if err != nil || wrong != nil || number == 0 || host == "" || strings.ContainsAny(host, "/?#@ ") {
			return "", "", false, fmt.Errorf("%q is not host:port", rest)
		}
		return "dns:///" + rest, host, tls, nil
	case "unix":
		if !strings.HasPrefix(rest, "/") {
			return "", "", false, fmt.Errorf("%q is not an absolute path", rest)
		}
		if secure {
			return "", "", false, errors.New("a socket has no TLS")
		}
		return "unix://" + rest, "", false, nil
	}
	return "", "", false, fmt.Errorf("the scheme is %q, and grpc, grpcs or unix is expected", scheme)
}

func clientTLS(c *tls.Config, host string) *tls.Config {
	if c == nil {
		c = new(tls.Config)
	}
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	return c
}
