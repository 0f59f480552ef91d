// Package outage tests gateways whose shared limits are counted by a real store,
// Redis or github.com/envoyproxy/ratelimit, while that store fails.
package outage

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"
)

// patience limits the wait for an expected event; a good run never waits that long.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	// Servers that do not answer are a part of the tests.
	logging.Disable()
	goleak.VerifyTestMain(m)
}
