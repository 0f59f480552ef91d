package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A sharing is what the flags say about limits that several processes count together.
type sharing struct {
	// redis and service are addresses, or nil without their flags.
	redis, service *string
	// replicas is 0 without its flag.
	replicas int
}

// The flags of the stores.
const (
	redisFlag   = "redis"
	serviceFlag = "rate-limit-service"
)

func (h *sharing) addFlags(flags *flag.FlagSet) {
	// An error of these two functions would quote the address, with a password in it.
	flags.Func(redisFlag, "`ADDR` of the Redis that counts rate limits for all replicas: HOST:PORT, or a URL with redis,\nrediss (TLS), unix, redis+cluster or redis+sentinel. "+redisPassword+" in the environment is its password.", func(text string) error {
		h.redis = &text
		return nil
	})
	flags.Func(serviceFlag, "`ADDR` of the Envoy rate limit service that counts rate limits for all replicas:\nHOST:PORT, grpcs://HOST:PORT (TLS) or unix:///PATH", func(text string) error {
		h.service = &text
		return nil
	})
	flags.Func("replicas", "`N` is the number of replicas: while the store fails, each allows this share of a limit (1 by default)", func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return errors.New("a number from 1 is expected")
		}
		h.replicas = n
		return nil
	})
}

// check reports flags that do not fit together.
func (h *sharing) check() error {
	switch {
	case h.redis != nil && h.service != nil:
		return fmt.Errorf("--%s and --%s are both given: limits are counted in one store", redisFlag, serviceFlag)
	case h.replicas != 0 && !h.given():
		return fmt.Errorf("--replicas is given and no store that they share: --%s or --%s is expected", redisFlag, serviceFlag)
	}
	return nil
}

// given reports whether there is a store.
func (h *sharing) given() bool { return h.redis != nil || h.service != nil }

// A store counts limits for several processes.
type store struct {
	flag    string
	limiter ratelimit.Limiter
	// reach waits until the store answers, and returns an error if it does not.
	reach func(context.Context) error
	close func() error
}

// open returns the store, or nil if there is none. It waits for no connection.
func (h *sharing) open(log *slog.Logger) (*store, error) {
	switch {
	case h.redis != nil:
		return openRedis(*h.redis, log)
	case h.service != nil:
		return openService(*h.service, log)
	}
	return nil, nil
}

// register makes the store count the limits of YAML.
func (h *sharing) register(b *gateway.Builder, to *store) {
	b.Limiter(spec.DefaultProvider, to.limiter)
	if h.replicas != 0 {
		b.Replicas(h.replicas)
	}
}

// reachTimeout is how long a store has to answer at start. A request waits much less
// for it.
const reachTimeout = 5 * time.Second

// begin looks in the background whether the store answers, so that a wrong address is
// in the log before the first request comes. It returns a function that ends the use
// of the store.
func (to *store) begin(log *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	looking.Go(func() { to.look(ctx, log) })
	return func() {
		cancel()
		looking.Wait()
		_ = to.close()
	}
}

// look logs a warning if the store does not answer.
func (to *store) look(ctx context.Context, log *slog.Logger) {
	bounded, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if err := to.reach(bounded); err != nil && ctx.Err() == nil {
		log.Warn("the store of rate limits does not answer: the limits follow onStoreFailure", "flag", "--"+to.flag, "error", err)
	}
}

// misaddressed is the error of a store's address.
func misaddressed(flag string, err error) error {
	text := err.Error()
	for _, prefix := range []string{"redislimit: ", "rls: ", "address of the rate limit service: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("--%s: %s", flag, text)
}
