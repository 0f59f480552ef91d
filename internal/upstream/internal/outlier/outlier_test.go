package outlier

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bench is a detector with hosts, and a clock that stands still.
type bench struct {
	*Detector
	at      time.Duration
	hosts   []*Monitor
	out     []atomic.Bool
	changes int
	// reports are the ejections and returns, in order.
	reports []string
	epoch   time.Time
}

func newBench(c Config, hosts int) *bench {
	b := &bench{out: make([]atomic.Bool, hosts), epoch: time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC)}
	b.Detector = New(c, func() time.Time { return b.epoch.Add(b.at) }, func() { b.changes++ })
	for i := range b.out {
		b.hosts = append(b.hosts, b.Add(&b.out[i], func(ejected bool) { b.reports = append(b.reports, fmt.Sprint(i, " ", ejected)) }))
	}
	return b
}

// ejected reads the state of all hosts after a sweep, as a balancer does.
func (b *bench) ejected() string {
	b.Sweep()
	var all []string
	for i := range b.out {
		if b.out[i].Load() {
			all = append(all, strconv.Itoa(i))
		}
	}
	return strings.Join(all, " ")
}

// report reports an event about a host for each word: a status, "failed",
// "timeout" or "connected".
func (b *bench) report(host int, words string) {
	for word := range strings.FieldsSeq(words) {
		switch m := b.hosts[host]; word {
		case "failed":
			m.Failed()
		case "timeout":
			m.TimedOut()
		case "connected":
			m.Connected()
		default:
			status, err := strconv.Atoi(word)
			if err != nil {
				panic(err)
			}
			m.Response(status)
		}
	}
}

func TestCounting(t *testing.T) {
	five := Config{Consecutive5xx: 5}
	gateway := Config{ConsecutiveGatewayErrors: 2}
	both := Config{Consecutive5xx: 5, ConsecutiveGatewayErrors: 2}
	split := Config{Consecutive5xx: 2, ConsecutiveGatewayErrors: 2, SplitLocalOrigin: true, ConsecutiveLocalOrigin: 3}
	for _, row := range []struct {
		name   string
		config Config
		words  string
		want   bool
	}{
		{"not enough", five, "500 500 500 500", false},
		{"enough", five, "500 501 502 599 504", true},
		{"600 is no error", five, "500 500 500 500 600 500", false},
		{"success in between", five, "500 500 500 500 200 500", false},
		{"404 is a success", five, "500 500 500 500 404 500", false},
		{"429 is a success", five, "500 500 500 500 429 500", false},
		{"101 is a success", five, "500 500 500 500 101 500", false},
		{"failure counts as 503", five, "failed failed failed failed 500", true},
		{"timeout counts as 504", five, "timeout timeout timeout timeout 500", true},
		{"one at once", Config{Consecutive5xx: 1}, "500", true},
		{"zero disables", Config{}, "500 502 failed timeout 500 502 failed timeout", false},

		{"gateway errors", gateway, "502 503", true},
		{"504", gateway, "504 504", true},
		{"500 is no gateway error", gateway, "500 500 500 500", false},
		{"500 in between resets", gateway, "503 500 503", false},
		{"success in between resets", gateway, "503 200 503", false},
		{"failure is a gateway error", gateway, "failed timeout", true},
		{"500 between 503s raises the other counter", Config{Consecutive5xx: 3, ConsecutiveGatewayErrors: 2}, "503 500 503", true},
		{"each counter for itself", both, "503 500 503 500", false},

		{"split: failures", split, "failed timeout failed", true},
		{"split: not enough", split, "failed failed", false},
		{"split: are no statuses", split, "503 failed 500", true},
		{"split: and reset no statuses", split, "500 failed failed 500", true},
		{"split: a response is no failure", split, "failed failed 500 failed", false},
		{"split: nor is a connection", split, "failed failed connected failed", false},
		{"split: timeouts after connecting", split, "connected timeout connected timeout connected timeout", false},
		{"split: statuses count as ever", split, "503 503", true},
		{"split: default", Config{SplitLocalOrigin: true}, "failed failed failed failed", false},
		{"split: default", Config{SplitLocalOrigin: true}, "failed failed failed failed failed", true},
		{"not split: a connection changes nothing", five, "failed failed failed failed connected failed", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.config.MaxEjectionPercent = 100
			b := newBench(row.config, 2)
			b.report(1, row.words)
			want, changes := "", 0
			if row.want {
				want, changes = "1", 1
			}
			require.Equal(t, want, b.ejected(), "at once, not at a tick")
			require.Equal(t, changes, b.changes)
			require.Equal(t, changes, b.Ejected())
		})
	}
}

func TestMaxEjectionPercent(t *testing.T) {
	for _, row := range []struct {
		hosts   int
		percent uint32
		want    int
	}{
		{1, 0, 0},
		{3, 0, 0}, // the default
		{9, 0, 0},
		{10, 0, 1},
		{19, 0, 1},
		{20, 0, 2},
		{3, 33, 0},
		{3, 34, 1},
		{3, 66, 1},
		{3, 67, 2},
		{3, 99, 2},
		{3, 100, 3},
		{3, 1000, 3},
		{1, 99, 0},
		{1, 100, 1},
	} {
		b := newBench(Config{Consecutive5xx: 1, MaxEjectionPercent: row.percent}, row.hosts)
		for i := range b.hosts {
			b.report(i, "500")
		}
		require.Equal(t, row.want, b.Ejected(), "%d hosts, %d %%", row.hosts, row.percent)
	}
}

// A host that cannot be ejected is considered again after the same number of
// errors.
func TestRefusedEjection(t *testing.T) {
	b := newBench(Config{Consecutive5xx: 3, MaxEjectionPercent: 50}, 2)
	b.report(0, "500 500 500")
	b.report(1, "500 500 500")
	require.Equal(t, "0", b.ejected())
	b.at = 30 * time.Second
	require.Equal(t, "", b.ejected())
	b.report(1, "500 500")
	require.Equal(t, "", b.ejected())
	b.report(1, "500")
	require.Equal(t, "1", b.ejected())
}

// The seconds after the detector's start at which a host returns, if all its
// requests fail whenever it is in.
func TestEjectionTime(t *testing.T) {
	for _, row := range []struct {
		name   string
		config Config
		eject  []float64 // when errors are reported
		want   []float64 // when the host is in again after each
	}{
		{"default", Config{}, []float64{1}, []float64{40}},
		{"at a tick", Config{}, []float64{0, 50, 60 + 300}, []float64{30, 80, 390}},
		{"k-th takes k times as long", Config{Interval: time.Second, BaseEjectionTime: 10 * time.Second}, []float64{0, 10, 30, 60}, []float64{10, 30, 60, 100}},
		{"only ticks count", Config{Interval: 10 * time.Second, BaseEjectionTime: time.Second}, []float64{0.5}, []float64{10}},
		{"just after a tick", Config{Interval: 10 * time.Second, BaseEjectionTime: time.Second}, []float64{9.5}, []float64{20}},
		{"to the tick", Config{Interval: 10 * time.Second, BaseEjectionTime: time.Second}, []float64{9}, []float64{10}},
		{"at most 300 s", Config{Interval: time.Second, BaseEjectionTime: 140 * time.Second}, []float64{0, 140, 420, 720, 1020}, []float64{140, 420, 720, 1020, 1320}},
		{"or base", Config{Interval: time.Second, BaseEjectionTime: 400 * time.Second}, []float64{0, 400, 800}, []float64{400, 800, 1200}},
		{"an interval of health undoes one", Config{Interval: 10 * time.Second, BaseEjectionTime: 10 * time.Second}, []float64{0, 20}, []float64{10, 30}},
		{"part of one does not", Config{Interval: 10 * time.Second, BaseEjectionTime: 10 * time.Second}, []float64{0, 19}, []float64{10, 40}},
		{"one of two", Config{Interval: 10 * time.Second, BaseEjectionTime: 10 * time.Second}, []float64{0, 15, 50, 75}, []float64{10, 40, 70, 110}},
		{"long health undoes all", Config{Interval: 10 * time.Second, BaseEjectionTime: 10 * time.Second}, []float64{0, 10, 30, 1e6}, []float64{10, 30, 60, 1e6 + 10}},
	} {
		for _, idle := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/idle=%v", row.name, idle), func(t *testing.T) {
				row.config.Consecutive5xx, row.config.MaxEjectionPercent = 1, 100
				b := newBench(row.config, 2)
				for i, at := range row.eject {
					b.at = seconds(at)
					require.Equal(t, "", b.ejected())
					b.report(0, "500")
					require.Equal(t, "0", b.ejected())
					if !idle {
						// A check at every tick changes nothing.
						for b.at += 100 * time.Millisecond; b.at < seconds(row.want[i]); b.at += 100 * time.Millisecond {
							require.Equal(t, "0", b.ejected(), "at %v", b.at)
						}
					}
					b.at = seconds(row.want[i]) - 1
					require.Equal(t, "0", b.ejected())
					b.at = seconds(row.want[i])
					require.Equal(t, "", b.ejected())
				}
				require.Equal(t, 2*len(row.eject), b.changes)
				var reports []string
				for range row.eject {
					reports = append(reports, "0 true", "0 false")
				}
				require.Equal(t, reports, b.reports)
				require.Equal(t, uint64(len(row.eject)), b.Ejections())
			})
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Late processing of a tick has no visible effect: a model that runs at every
// tick gives the same result.
func TestTicksAreMadeUpFor(t *testing.T) {
	config := Config{Consecutive5xx: 1, MaxEjectionPercent: 60, Interval: 3 * time.Second, BaseEjectionTime: 5 * time.Second}
	random := rand.New(rand.NewPCG(1, 2))
	lazy, eager := newBench(config, 5), newBench(config, 5)
	for range 20_000 {
		step := time.Duration(random.Int64N(int64(4 * time.Second)))
		if random.IntN(20) == 0 {
			step *= 20
		}
		for end := eager.at + step; ; {
			tick := (eager.at/config.Interval + 1) * config.Interval
			if tick > end {
				eager.at = end
				break
			}
			eager.at = tick
			eager.Sweep()
		}
		lazy.at = eager.at
		if host := random.IntN(5); random.IntN(2) == 0 && !eager.out[host].Load() {
			eager.report(host, "500")
			lazy.report(host, "500")
		}
		if random.IntN(3) == 0 {
			require.Equal(t, eager.ejected(), lazy.ejected(), "at %v", eager.at)
		}
	}
}

// All counters start at 0 when a host returns, including those of responses
// that came while it was ejected.
func TestCountersRestart(t *testing.T) {
	b := newBench(Config{Consecutive5xx: 3, ConsecutiveGatewayErrors: 4, MaxEjectionPercent: 100}, 1)
	b.report(0, "503 503 503")
	require.Equal(t, "0", b.ejected())
	b.report(0, "503 503 503 503 503")
	b.at = 30 * time.Second
	// The tick has not been processed when these are reported.
	b.report(0, "503 503")
	require.Equal(t, "", b.ejected())
	b.report(0, "503")
	require.Equal(t, "0", b.ejected())
}

func TestHostsComeAndGo(t *testing.T) {
	b := newBench(Config{Consecutive5xx: 1, MaxEjectionPercent: 50}, 2)
	b.report(0, "500")
	require.Equal(t, 1, b.Ejected())
	b.report(1, "500")
	require.Equal(t, 1, b.Ejected(), "half are out")

	b.Remove(b.hosts[0])
	b.Remove(b.hosts[0])
	require.Equal(t, 0, b.Ejected(), "who has left does not count")
	b.report(0, "500")
	require.Equal(t, 0, b.Ejected())
	b.report(1, "500")
	require.Equal(t, 0, b.Ejected(), "one of one is too many")

	var out atomic.Bool
	b.Add(&out, nil)
	b.report(1, "500")
	require.Equal(t, 1, b.Ejected())
}

// A destination without outlier detection has nil monitors.
func TestNilMonitor(t *testing.T) {
	var m *Monitor
	require.NotPanics(t, func() {
		m.Response(200)
		m.Response(500)
		m.Connected()
		m.Failed()
		m.TimedOut()
	})
}

// While nothing fails, the clock is not read.
func TestNoClockWithoutErrors(t *testing.T) {
	looks := 0
	d := New(Config{Consecutive5xx: 1, MaxEjectionPercent: 100}, func() time.Time { looks++; return time.Time{} }, func() {})
	var out atomic.Bool
	m := d.Add(&out, nil)
	looks = 0
	d.Sweep()
	m.Response(200)
	require.Zero(t, looks)
}

// However reports, sweeps and changes of the hosts coincide, the final counts
// are right.
func TestConcurrent(t *testing.T) {
	var at atomic.Int64
	d := New(Config{Consecutive5xx: 2, MaxEjectionPercent: 50, Interval: 10, BaseEjectionTime: 20},
		func() time.Time { return time.Unix(0, at.Add(1)) }, func() {})
	out := make([]atomic.Bool, 8)
	monitors := make([]*Monitor, len(out))
	for i := range out {
		monitors[i] = d.Add(&out[i], nil)
	}
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 5000 {
				d.Sweep()
				m := monitors[random.IntN(len(monitors))]
				if random.IntN(2) == 0 {
					m.Failed()
				} else {
					m.Response(200)
				}
				if n := d.Ejected(); n < 0 || n > 5 {
					t.Errorf("%d are ejected", n)
				}
			}
		})
	}
	done.Go(func() {
		for range 1000 {
			var out atomic.Bool
			m := d.Add(&out, nil)
			m.Failed()
			m.Failed()
			d.Remove(m)
		}
	})
	done.Wait()
	count := 0
	for i := range out {
		if out[i].Load() {
			count++
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Equal(t, count, d.ejected)
}

func BenchmarkMonitor(b *testing.B) {
	d := New(Config{Consecutive5xx: 5}, time.Now, func() {})
	var out atomic.Bool
	m := d.Add(&out, nil)
	for name, report := range map[string]func(){
		"success": func() { d.Sweep(); m.Response(200) },
		"error":   func() { m.Response(500) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					report()
				}
			})
		})
	}
}
