package live_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
)

// A partial is a source of several parts, each of which may have an error.
type partial struct {
	source
	// broken are the numbers of the parts with an error.
	broken []int
	// attempts are the errors of all attempts.
	attempts []error
	// stubborn means that something is left out each time, and the error stays.
	stubborn bool
}

func (p *partial) Declare() (spec.Declarations, error) {
	d, _ := p.source.Declare()
	if len(p.broken) > 0 {
		return d, errors.New("a part is broken")
	}
	return d, nil
}

func (p *partial) Attempted(err error) bool {
	p.attempts = append(p.attempts, err)
	if err == nil || len(p.broken) == 0 {
		return false
	}
	if !p.stubborn {
		p.broken = p.broken[1:]
	}
	return true
}

func TestPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &partial{source: source{text: "one"}, broken: []int{1, 2}}
		var updates []live.Update
		c, err := live.Open(p, gateway.New, live.Options{OnUpdate: func(u live.Update) { updates = append(updates, u) }})
		require.NoError(t, err)
		defer c.Close()
		require.Len(t, p.attempts, 3, "two failed, and the third one is without both parts")
		require.NoError(t, p.attempts[2])

		p.broken = []int{1}
		require.NoError(t, c.Reload())
		require.Len(t, updates, 1, "only the last attempt is reported")
		require.EqualValues(t, 2, updates[0].Generation)
		require.NoError(t, updates[0].Err)

		// It ends, also if nothing helps.
		p.broken, p.stubborn, p.attempts = []int{1}, true, nil
		require.EqualError(t, c.Reload(), "a part is broken")
		require.Len(t, p.attempts, 10)
		require.EqualValues(t, 2, c.Status().Generation)
	})
}

func TestPartialWithoutHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &partial{source: source{text: "one"}}
		c, err := live.Open(p, func() *gateway.Builder { return gateway.New().Replicas(-1) }, live.Options{})
		require.Error(t, err)
		require.Nil(t, c)
		require.Len(t, p.attempts, 1)
	})
}
