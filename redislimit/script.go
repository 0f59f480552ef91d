package redislimit

import (
	"context"
	_ "embed" // for count.lua
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

//go:embed count.lua
var source string

// A call is one run of the script. All its keys are on one server.
type call struct {
	// counters are the indexes of the counters, in the order of the keys.
	counters []int
	keys     []string
	args     []any
	reply    *redis.Cmd
}

// add appends a counter to the call.
func (c *call) add(index int, counter counter, now int64, forced bool) {
	key, args := counter.question(now, forced)
	c.counters = append(c.counters, index)
	c.keys = append(c.keys, key)
	c.args = append(c.args, args[:]...)
}

// run runs the script for all calls, in one round trip. It takes another one if a
// server does not know the script yet.
func run(ctx context.Context, client redis.UniversalClient, script *redis.Script, calls []*call) {
	if len(calls) == 1 {
		calls[0].reply = script.Run(ctx, client, calls[0].keys, calls[0].args...)
		return
	}
	pipeline(ctx, client, calls, script.EvalSha)
	var unknown []*call
	for _, c := range calls {
		if redis.HasErrorPrefix(c.reply.Err(), "NOSCRIPT") {
			unknown = append(unknown, c)
		}
	}
	if len(unknown) > 0 {
		pipeline(ctx, client, unknown, script.Eval)
	}
}

// pipeline sends the calls together. A cluster client splits them by server and
// asks all servers at the same time.
func pipeline(ctx context.Context, client redis.UniversalClient, calls []*call, eval func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd) {
	pipe := client.Pipeline()
	for _, c := range calls {
		c.reply = eval(ctx, pipe, c.keys, c.args...)
	}
	// Exec returns the first error of the calls. Each reply has its own.
	_, _ = pipe.Exec(ctx)
}

// The first number of an answer.
const (
	answerAllowed = iota
	answerOver
	answerMoved
)

// An answer is what the script says about one key. See count.lua.
type answer struct {
	kind, first, second int64
}

var errAnswer = errors.New("unexpected answer to the script")

// parseAnswers checks the form of a reply. Whether its numbers are possible is
// for the counters to decide.
func parseAnswers(reply any, keys int) ([]answer, error) {
	values, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: %T", errAnswer, reply)
	}
	if len(values) != 3*keys {
		return nil, fmt.Errorf("%w: %d values for %d keys", errAnswer, len(values), keys)
	}
	answers := make([]answer, keys)
	for i := range answers {
		for j, into := range []*int64{&answers[i].kind, &answers[i].first, &answers[i].second} {
			if *into, ok = values[3*i+j].(int64); !ok {
				return nil, fmt.Errorf("%w: %T", errAnswer, values[3*i+j])
			}
		}
	}
	return answers, nil
}
