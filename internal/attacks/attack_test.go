package attacks

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write testdata/scores.golden")

// judge returns what is wrong with the outcome of a case, or "".
func (c *testCase) judge(o *outcome) string {
	if c.level == legal {
		return c.judgeLegal(o)
	}
	for _, a := range append(slices.Clone(o.arrivals), o.victims...) {
		if a.problem != "" {
			return fmt.Sprintf("the backend refuses %q: %s", a, a.problem)
		}
		if strings.Contains(a.target, "smuggled") {
			return fmt.Sprintf("%q was smuggled", a)
		}
		route := a.values("x-route")
		if readings := a.readings(); len(route) != 1 || len(readings) != 1 || !readings[route[0]] {
			return fmt.Sprintf("the gateway says that %q is for %v, others say %v", a, route, readings)
		}
		for _, name := range c.without {
			if values := a.values(name); len(values) > 0 {
				return fmt.Sprintf("%s: %q arrives", name, values)
			}
		}
	}
	if len(o.arrivals) > 1 {
		return fmt.Sprintf("it arrives as %q", o.arrivals)
	}
	if len(o.victims) > 1 {
		return "the victim's request arrives twice"
	}
	if o.answered && len(o.victims) == 0 {
		return "the victim got an answer to another request"
	}
	if len(o.arrivals) == 1 && len(c.arrivals) == 1 {
		if problem := c.arrivals[0].compare(o.arrivals[0]); problem != "" {
			return problem
		}
	}
	if !c.refused {
		return ""
	}
	if len(o.arrivals) > 0 {
		return fmt.Sprintf("it arrives as %q", o.arrivals[0])
	}
	for _, status := range o.statuses {
		if status > 0 && status < 400 {
			return fmt.Sprintf("it is answered with %d", status)
		}
	}
	if c.status != 0 && (len(o.statuses) == 0 || o.statuses[0] != c.status) {
		return fmt.Sprintf("it is answered with %v", o.statuses)
	}
	if len(o.statuses) == 0 && !o.closed {
		return "it gets no answer"
	}
	return ""
}

// judgeLegal wants that each request arrives as it was sent, and that the connection goes on.
func (c *testCase) judgeLegal(o *outcome) string {
	if len(o.arrivals) != len(c.arrivals) {
		return fmt.Sprintf("%q arrive, the answers are %v", o.arrivals, o.statuses)
	}
	for i, want := range c.arrivals {
		a := o.arrivals[i]
		if a.problem != "" {
			return fmt.Sprintf("the backend refuses %q: %s", a, a.problem)
		}
		if problem := want.compare(a); problem != "" {
			return problem
		}
		if o.statuses[i] != 200 {
			return fmt.Sprintf("the answers are %v", o.statuses)
		}
	}
	return ""
}

func (e expectation) compare(a *arrival) string {
	if a.String() != e.request {
		return fmt.Sprintf("%q arrives", a)
	}
	for _, text := range e.fields {
		name, value, _ := strings.Cut(text, ":")
		value = strings.TrimPrefix(value, " ")
		if !slices.Contains(a.values(name), value) {
			return fmt.Sprintf("%s: %q arrives", name, a.values(name))
		}
	}
	return ""
}

// A score is how many cases of each level pass, and what is wrong with the others.
type score struct {
	passed, all map[level]int
	failed      []string // in order
	problems    []string
}

func (k *contestant) score(t *testing.T, cases []*testCase) *score {
	const together = 16
	problems, waited := make([]string, len(cases)), make([]bool, len(cases))
	round := func(quiet time.Duration, which func(i int) bool) {
		next := make(chan int)
		var running sync.WaitGroup
		for range together {
			running.Go(func() {
				for i := range next {
					o := k.through(t, cases[i], quiet)
					problems[i], waited[i] = cases[i].judge(o), o.waited
				}
			})
		}
		for i := range cases {
			if which(i) {
				next <- i
			}
		}
		close(next)
		running.Wait()
	}
	round(quiet, func(int) bool { return true })
	round(quietLast, func(i int) bool { return waited[i] })
	s := &score{passed: map[level]int{}, all: map[level]int{}}
	for i, c := range cases {
		s.all[c.level]++
		if problems[i] == "" {
			s.passed[c.level]++
			continue
		}
		s.failed = append(s.failed, fmt.Sprintf("%-6s %s", c.level, c))
		s.problems = append(s.problems, fmt.Sprintf("%-6s %s (%s)\n       %s", c.level, c, c.rule, brief(problems[i])))
	}
	return s
}

// brief cuts a text that is long.
func brief(text string) string {
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}

func (s *score) String() string {
	return fmt.Sprintf("must %d of %d, should %d of %d, legal %d of %d",
		s.passed[must], s.all[must], s.passed[should], s.all[should], s.passed[legal], s.all[legal])
}

// TestAttacks runs all cases against all contestants. Only ours must pass all that must be; the
// scores of the others say what it is good for.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	cases := allCases(t)
	var golden strings.Builder
	fmt.Fprintf(&golden, "%s\n", runtime.Version())
	scores := make([]*score, len(contestants))
	var running sync.WaitGroup
	for i := range contestants {
		running.Go(func() { scores[i] = contestants[i].score(t, cases) })
	}
	running.Wait()
	for i, k := range contestants {
		s := scores[i]
		t.Logf("%s: %s\n%s", k.name, s, strings.Join(s.problems, "\n"))
		if k.refuses && s.passed[must] != s.all[must] || k.accepts && s.passed[legal] != s.all[legal] {
			t.Errorf("%s fails cases that it must pass", k.name)
		}
		fmt.Fprintf(&golden, "\n%s: %s\n", k.name, s)
		for _, name := range s.failed {
			fmt.Fprintf(&golden, "    %s\n", name)
		}
	}
	const file = "testdata/scores.golden"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(golden.String()), 0o600))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	if version, _, _ := strings.Cut(string(want), "\n"); version != runtime.Version() {
		t.Logf("the scores of net/http were taken with %s: not compared", version)
		return
	}
	require.Equal(t, string(want), golden.String())
}
