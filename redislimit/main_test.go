package redislimit

import (
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Servers that do not answer are a part of the tests.
	logging.Disable()
	goleak.VerifyTestMain(m)
}
