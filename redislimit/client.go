package redislimit

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The timeouts of a client, for what does not end with the context: connecting,
// and what a cluster client does in the background.
const clientTimeout = time.Second

// NewClient returns a client for New, which obeys the deadline of a context. It
// does not connect. Close closes it. The address is one of these:
//
//	localhost:6379, localhost or [::1]:6379
//	redis://user:password@localhost:6379/0
//	rediss://user:password@redis.example.com:6379
//	unix:///run/redis.sock
//	redis+cluster://user:password@a:6379?addr=b:6379&addr=c:6379
//	redis+sentinel://a:26379?master_name=shop&addr=b:26379
//
// rediss, rediss+cluster and rediss+sentinel use TLS. The user and password of a
// Sentinel URL are those of the Sentinel servers; those of Redis are its
// parameters username and password. The other parameters are those of ParseURL,
// ParseClusterURL and ParseFailoverURL in package redis. Without max_retries,
// dial_timeout, read_timeout and write_timeout, there are no retries and the
// timeouts are one second.
//
// No error contains the password.
func NewClient(address string) (redis.UniversalClient, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("redislimit: %w", err)
	}
	scheme, kind, _ := strings.Cut(u.Scheme, "+")
	u.Scheme = scheme
	var client redis.UniversalClient
	switch {
	case kind == "":
		client, err = newServerClient(u)
	case kind == "cluster" && scheme != "unix":
		client, err = newClusterClient(u)
	case kind == "sentinel" && scheme != "unix":
		client, err = newSentinelClient(u)
	default:
		err = fmt.Errorf("unknown scheme %q", scheme+"+"+kind)
	}
	if err != nil {
		return nil, fmt.Errorf("redislimit: URL of Redis: %w", err)
	}
	return client, nil
}

// parseAddress parses an address or a URL. Its errors quote no password.
func parseAddress(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		u, err := url.Parse("redis://" + address)
		if err != nil || u.Hostname() == "" || u.Host != address {
			return nil, errors.New("the address is neither host:port nor a URL")
		}
		return u, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		// The error quotes the URL, and the error inside of it can quote a part of
		// the password: with a slash in the password, that looks like a port.
		if whole, ok := errors.AsType[*url.Error](err); ok && !strings.Contains(address, "@") {
			return nil, fmt.Errorf("URL of Redis: %w", whole.Err)
		}
		return nil, errors.New("URL of Redis: it cannot be parsed")
	}
	// If the password begins with digits, its rest looks like a path, a parameter or
	// a fragment.
	rest := u.Path + u.Fragment
	for name := range u.Query() {
		rest += name
	}
	if strings.Contains(rest, "@") {
		return nil, errors.New("URL of Redis: the characters / ? # of a password must be escaped")
	}
	return u, nil
}

func newServerClient(u *url.URL) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled = true
	o.DialerRetries = 1
	o.MaintNotificationsConfig = withoutNotifications()
	defaults(&o.MaxRetries, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout)
	o.Dialer = boundReplies(redis.NewDialer(o))
	return redis.NewClient(o), nil
}

func newClusterClient(u *url.URL) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(u.String())
	if err != nil {
		return nil, err
	}
	minimumTLS(o.TLSConfig)
	o.ContextTimeoutEnabled = true
	if o.DialerRetries == 0 {
		o.DialerRetries = 1
	}
	o.MaintNotificationsConfig = withoutNotifications()
	defaults(&o.MaxRetries, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout)
	o.Dialer = boundReplies(redis.NewDialer(&redis.Options{DialTimeout: o.DialTimeout, TLSConfig: o.TLSConfig}))
	return redis.NewClusterClient(o), nil
}

func newSentinelClient(u *url.URL) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(u.String())
	if err != nil {
		return nil, err
	}
	if o.MasterName == "" {
		return nil, errors.New("the parameter master_name is missing")
	}
	// NewFailoverClient panics with the first two. A replica cannot count.
	if o.RouteByLatency || o.RouteRandomly || o.ReplicaOnly {
		return nil, errors.New("route_by_latency, route_randomly and replica_only are not possible: only the master counts")
	}
	o.ContextTimeoutEnabled = true
	if o.DialerRetries == 0 {
		o.DialerRetries = 1
	}
	defaults(&o.MaxRetries, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout)
	o.Dialer = boundReplies(redis.NewDialer(&redis.Options{DialTimeout: o.DialTimeout, TLSConfig: o.TLSConfig}))
	return redis.NewFailoverClient(o), nil
}

// defaults sets what the URL does not set.
func defaults(retries *int, timeouts ...*time.Duration) {
	if *retries == 0 {
		*retries = -1
	}
	for _, t := range timeouts {
		if *t == 0 {
			*t = clientTimeout
		}
	}
}

// withoutNotifications turns off announcements of maintenance. They cost a round
// trip for each connection, and lengthen timeouts.
func withoutNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func minimumTLS(c *tls.Config) {
	if c != nil {
		c.MinVersion = tls.VersionTLS12
	}
}
