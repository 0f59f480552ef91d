package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/redislimit"
)

// redisPassword is the environment variable with the password of --redis. Everybody on
// the machine can read a command line.
const redisPassword = "LATEEN_REDIS_PASSWORD"

// openRedis returns a store in Redis.
func openRedis(address string, log *slog.Logger) (*store, error) {
	redis.SetLogger(redisLog{log})
	address, err := withPassword(address, os.Getenv(redisPassword))
	if err != nil {
		return nil, misaddressed(redisFlag, err)
	}
	client, err := redislimit.NewClient(address)
	if err != nil {
		return nil, misaddressed(redisFlag, err)
	}
	limiter := redislimit.New(client, redislimit.Options{})
	return &store{
		flag:    redisFlag,
		limiter: limiter,
		reach: func(ctx context.Context) error {
			// It needs the same commands and the same script as a limit. Without hits,
			// nothing is written.
			_, err := limiter.Limit(ctx, ratelimit.Request{Domain: "lateen", Descriptors: []ratelimit.Descriptor{{Requests: 1, Unit: time.Second}}})
			return err
		},
		close: client.Close,
	}, nil
}

// withPassword returns an address with the password where its form has it. What is no
// address is returned as it is.
func withPassword(address, password string) (string, error) {
	if password == "" {
		return address, nil
	}
	long := address
	if !strings.Contains(address, "://") {
		long = "redis://" + address
	}
	u, err := url.Parse(long)
	if err != nil || long != address && (u.Host != address || u.Hostname() == "") {
		return address, nil
	}
	errTwice := fmt.Errorf("there is a password in the URL, and another one in %s: one of them is expected", redisPassword)
	if strings.HasSuffix(u.Scheme, "+sentinel") {
		// The user of such a URL is that of Sentinel.
		parameters := u.Query()
		if parameters.Has("password") {
			return "", errTwice
		}
		parameters.Set("password", password)
		u.RawQuery = parameters.Encode()
		return u.String(), nil
	}
	if _, twice := u.User.Password(); twice {
		return "", errTwice
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String(), nil
}

// A redisLog gets what the client of Redis says about its connections. While Redis
// fails that is a lot, and the gateway logs the failure itself.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis", "message", fmt.Sprintf(format, v...))
	}
}
