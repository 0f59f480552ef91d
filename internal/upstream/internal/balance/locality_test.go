package balance

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseLocality(t *testing.T) {
	for text, want := range map[string]Locality{
		"": {}, "r": {"r", "", ""}, "r/z": {"r", "z", ""}, "r/z/s": {"r", "z", "s"}, "r//s": {"r", "", "s"},
	} {
		require.Equal(t, want, ParseLocality(text))
		require.Equal(t, text, want.String())
	}
}

func TestLocalityPattern(t *testing.T) {
	for _, row := range []struct {
		locality, pattern string
		want              bool
	}{
		{"r/z/s", "r/z/s", true},
		{"r/z/s", "r/z/*", true},
		{"r/z/s", "r/z", true},
		{"r/z/s", "r/*", true},
		{"r/z/s", "r", true},
		{"r/z/s", "*", true},
		{"r/z/s", "*/z", true},
		{"r/z/s", "r/z/t", false},
		{"r/z/s", "r/y/*", false},
		{"r/z/s", "q", false},
		{"r", "r/z", false},
		{"", "*", true},
	} {
		require.Equal(t, row.want, ParseLocality(row.locality).in(row.pattern), "%+v", row)
	}
}

func TestPriorities(t *testing.T) {
	proxy := ParseLocality("r1/z1/s1")
	everywhere := []string{"r1/z1/s1", "r1/z1/s2", "r1/z2/s1", "r2/z1/s1", "r3", ""}
	labels := func(hosts []Host, version ...string) []Host {
		for i := range hosts {
			hosts[i].Labels = map[string]string{"version": version[i], "app": "shop"}
		}
		return hosts
	}
	for _, row := range []struct {
		name    string
		setting *LocalitySetting
		hosts   []Host
		want    []int
	}{
		{"off", nil, placed(everywhere...), []int{0, 0, 0, 0, 0, 0}},
		{"without outlier detection", &LocalitySetting{Proxy: proxy}, placed(everywhere...), []int{0, 0, 0, 0, 0, 0}},
		{"by distance", &LocalitySetting{Proxy: proxy, OutlierDetection: true}, placed(everywhere...), []int{0, 1, 2, 3, 3, 3}},
		{"without gaps", &LocalitySetting{Proxy: proxy, OutlierDetection: true}, placed("r2", "r1/z1/s1", "r3"), []int{1, 0, 1}},
		{"nobody near", &LocalitySetting{Proxy: proxy, OutlierDetection: true}, placed("r2", "r3"), []int{0, 0}},
		{"proxy without locality", &LocalitySetting{OutlierDetection: true}, placed(everywhere...), []int{0, 0, 0, 0, 0, 0}},
		{
			"failover", &LocalitySetting{Proxy: proxy, OutlierDetection: true, Failover: []Failover{{"r9", "r2"}, {"r1", "r3"}, {"r1", "r2"}}},
			placed(everywhere...), []int{0, 1, 2, 4, 3, 4},
		},
		{
			"failover of another region", &LocalitySetting{Proxy: proxy, OutlierDetection: true, Failover: []Failover{{"r2", "r3"}}},
			placed(everywhere...), []int{0, 1, 2, 3, 3, 3},
		},
		{
			"failover without outlier detection", &LocalitySetting{Proxy: proxy, Failover: []Failover{{"r1", "r3"}}},
			placed(everywhere...), []int{0, 0, 0, 0, 0, 0},
		},
		{
			"labels", &LocalitySetting{ProxyLabels: map[string]string{"version": "v1", "app": "shop"}, OutlierDetection: true, FailoverPriority: []string{"app", "version"}},
			labels(placed("", "", "", ""), "v1", "v2", "v1", ""), []int{0, 1, 0, 1},
		},
		{
			"the first label decides", &LocalitySetting{ProxyLabels: map[string]string{"version": "v1", "app": "cart"}, OutlierDetection: true, FailoverPriority: []string{"app", "version"}},
			labels(placed("", ""), "v1", "v2"), []int{0, 0},
		},
		{
			"label with value", &LocalitySetting{ProxyLabels: map[string]string{"version": "v1"}, OutlierDetection: true, FailoverPriority: []string{"version=v2"}},
			labels(placed("", ""), "v1", "v2"), []int{1, 0},
		},
		{
			"topology labels", &LocalitySetting{Proxy: proxy, OutlierDetection: true, FailoverPriority: []string{"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}},
			placed(everywhere...), []int{0, 1, 2, 3, 3, 3},
		},
		{
			"labels before regions", &LocalitySetting{
				Proxy: proxy, ProxyLabels: map[string]string{"version": "v1"}, OutlierDetection: true,
				FailoverPriority: []string{"version"}, Failover: []Failover{{"r1", "r2"}},
			},
			labels(placed("r1/z1/s1", "r3", "r2", "r1/z1/s1"), "v1", "v1", "v1", "v2"), []int{0, 2, 1, 3},
		},
		{
			"distribute is for all at once", &LocalitySetting{Proxy: proxy, OutlierDetection: true, Distribute: []Distribute{{"r1", []LocalityWeight{{"r1/z1", 80}, {"r2", 20}}}}},
			placed(everywhere...), []int{0, 0, -1, 0, -1, -1},
		},
		{
			"distribute from elsewhere", &LocalitySetting{Proxy: proxy, OutlierDetection: true, Distribute: []Distribute{{"r2", []LocalityWeight{{"r1", 100}}}}},
			placed(everywhere...), []int{0, 0, 0, 0, 0, 0},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := Config{Locality: row.setting}
			levels, got := config.prioritize(row.hosts)
			require.Equal(t, row.want, got)
			for i, p := range row.want {
				if p >= 0 {
					require.Contains(t, levels[p].hosts, int32(i))
				}
			}
		})
	}
}

// near is a proxy in r1 whose traffic fails over.
var near = &LocalitySetting{Proxy: ParseLocality("r1/z1"), OutlierDetection: true}

// The percentages that the levels get, by how many of their hosts are ejected.
func TestLoads(t *testing.T) {
	for _, row := range []struct {
		hosts, out []int
		threshold  uint32
		want       []int
		panic      []bool
	}{
		{[]int{10, 10}, []int{0, 0}, 0, []int{100, 0}, nil},
		{[]int{10, 10}, []int{2, 0}, 0, []int{100, 0}, nil},
		{[]int{10, 10}, []int{3, 0}, 0, []int{98, 2}, nil},
		{[]int{10, 10}, []int{5, 0}, 0, []int{70, 30}, nil},
		{[]int{10, 10}, []int{9, 0}, 0, []int{14, 86}, nil},
		{[]int{10, 10}, []int{10, 0}, 0, []int{0, 100}, nil},
		{[]int{10, 10}, []int{10, 9}, 0, []int{0, 100}, nil},
		{[]int{10, 10}, []int{8, 8}, 0, []int{50, 50}, nil}, // 28 % of 56 %
		{[]int{10, 10, 10}, []int{9, 9, 9}, 0, []int{34, 33, 33}, nil},
		{[]int{10, 10, 10}, []int{5, 9, 0}, 0, []int{70, 14, 16}, nil},
		{[]int{10, 10}, []int{10, 10}, 0, []int{100, 0}, nil},
		{[]int{10}, []int{10}, 0, []int{100}, nil},

		// Panic, if all levels together cannot take the traffic.
		{[]int{10}, []int{2}, 90, []int{100}, []bool{false}}, // 80 % take 112 %
		{[]int{10}, []int{5}, 50, []int{100}, []bool{false}},
		{[]int{10}, []int{6}, 50, []int{100}, []bool{true}},
		{[]int{10}, []int{10}, 50, []int{100}, []bool{true}},
		{[]int{10}, []int{10}, 1, []int{100}, []bool{true}},
		{[]int{10, 10}, []int{9, 0}, 50, []int{14, 86}, []bool{false, false}},
		{[]int{10, 10}, []int{9, 5}, 50, []int{17, 83}, []bool{true, false}},
		{[]int{10, 30}, []int{10, 30}, 50, []int{25, 75}, []bool{true, true}},
		{[]int{10, 20}, []int{9, 18}, 50, []int{34, 66}, []bool{true, true}},
	} {
		regions := []string{"r1/z1", "r1/z2", "r2"}
		var localities []string
		for i, n := range row.hosts {
			localities = append(localities, fmt.Sprintf("%s *%d", regions[i], n))
		}
		hosts, first := placed(localities...), 0
		for i, n := range row.hosts {
			for k := range row.out[i] {
				eject(hosts, first+k)
			}
			first += n
		}
		v := New(Config{Locality: near, PanicThreshold: row.threshold}, hosts).view.Load()
		require.Equal(t, row.want, v.loads, "%+v", row)
		for i, want := range row.panic {
			require.Equal(t, want, v.levels[i].panic, "%+v", row)
		}
	}
}

// Ten hosts near and ten far: traffic moves when the third is ejected, and
// moves back when it returns.
func TestFailover(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		hosts := placed("r1/z1 *10", "r2 *10")
		b := New(Config{Policy: p, Locality: near, Random: newRandom()}, hosts)
		far := func() float64 {
			got, n := shares(b, 50_000), 0.0
			for _, share := range got[10:] {
				n += share
			}
			return n
		}
		require.Zero(t, far())
		eject(hosts, 0, 1)
		b.Update()
		require.Zero(t, far())
		eject(hosts, 2)
		b.Update()
		require.InDelta(t, 2, far(), 0.3)
		eject(hosts, 3, 4, 5, 6, 7, 8, 9)
		b.Update()
		require.InDelta(t, 100, far(), 1e-6)
		for i := range hosts {
			hosts[i].State.Ejected.Store(false)
		}
		b.Update()
		require.Zero(t, far())
	})
}

// With all hosts ejected and no threshold, none is chosen; below the threshold
// all are used, including ejected ones.
func TestPanic(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		hosts := even(4)
		eject(hosts, 0, 1, 2)
		got := counts(New(Config{Policy: p, Random: newRandom(), PanicThreshold: 50}, hosts), 1000)
		for i := range hosts {
			require.NotZero(t, got[i])
		}
		got = counts(New(Config{Policy: p, Random: newRandom(), PanicThreshold: 25}, hosts), 1000)
		require.Equal(t, []int{0, 0, 0, 1000, 0}, got)
		eject(hosts, 3)
		got = counts(New(Config{Policy: p, Random: newRandom()}, hosts), 1000)
		require.Equal(t, 1000, got[4])
	})
}

func TestDistribute(t *testing.T) {
	setting := func(to ...LocalityWeight) *LocalitySetting {
		return &LocalitySetting{
			Proxy:      ParseLocality("r1/z1/s1"),
			Distribute: []Distribute{{"r2", []LocalityWeight{{"*", 100}}}, {"r1/z1/*", to}, {"r1", []LocalityWeight{{"*", 100}}}},
		}
	}
	for _, row := range []struct {
		name    string
		setting *LocalitySetting
		hosts   []Host
		out     []int
		want    []float64
	}{
		{
			"by weight", setting(LocalityWeight{"r1/z1/*", 80}, LocalityWeight{"r1/z2/*", 20}),
			placed("r1/z1/s1", "r1/z2/s1 *2"), nil,
			[]float64{80, 10, 10},
		},
		{
			"others get nothing", setting(LocalityWeight{"r1/z1/*", 80}, LocalityWeight{"r1/z2/*", 20}),
			placed("r1/z1/s1", "r2", "r1/z2/s1", ""), nil,
			[]float64{80, 0, 20, 0},
		},
		{
			"a pattern's localities share", setting(LocalityWeight{"r1", 60}, LocalityWeight{"r2", 40}),
			placed("r1/z1", "r1/z2 *2", "r2"), nil,
			[]float64{20, 20, 20, 40},
		},
		{
			"the first pattern counts", setting(LocalityWeight{"r1/z1", 50}, LocalityWeight{"*", 50}),
			placed("r1/z1", "r1/z2"), nil,
			[]float64{50, 50},
		},
		{
			"a locality without hosts", setting(LocalityWeight{"r1/z1", 50}, LocalityWeight{"r7", 50}),
			placed("r1/z1", "r1/z1"), nil,
			[]float64{50, 50},
		},
		{
			"no host anywhere", setting(LocalityWeight{"r7", 100}),
			placed("r1/z1", "r1/z1"), nil,
			[]float64{0, 0},
		},
		{
			"a locality keeps its weight", setting(LocalityWeight{"r1/z1", 50}, LocalityWeight{"r2", 50}),
			placed("r1/z1 *4", "r2"), []int{0}, // 75 % take 105 %
			[]float64{0, 50. / 3, 50. / 3, 50. / 3, 50},
		},
		{
			"until too many are out", setting(LocalityWeight{"r1/z1", 50}, LocalityWeight{"r2", 50}),
			placed("r1/z1 *4", "r2"), []int{0, 1, 2}, // 25 % take 35 %
			[]float64{0, 0, 0, 100 * 0.35 / 1.35, 100 / 1.35},
		},
		{
			"or all", setting(LocalityWeight{"r1/z1", 50}, LocalityWeight{"r2", 50}),
			placed("r1/z1 *2", "r2"), []int{0, 1},
			[]float64{0, 0, 100},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			eject(row.hosts, row.out...)
			each(t, func(t *testing.T, p Policy) {
				if p.hashes() && row.out != nil {
					// The table decides for keys of ejected hosts, whatever
					// their locality.
					t.Skip()
				}
				b := New(Config{Policy: p, MinimumRingSize: 20_000, Locality: row.setting, Random: newRandom()}, row.hosts)
				for i, got := range shares(b, 30_000) {
					require.InDelta(t, row.want[i], got, 1.2, "host %d", i)
				}
			})
		})
	}
}

// Every second retry may leave the priorities that were tried.
func TestRemoteLocalities(t *testing.T) {
	hosts := placed("r1/z1 *2", "r1/z2 *2", "r2")
	b := New(Config{Locality: near, Random: newRandom()}, hosts)
	level := func(remote bool, tried ...int) int {
		var states []*State
		for _, i := range tried {
			states = append(states, hosts[i].State)
		}
		at := b.levelOf[b.Pick(Request{Tried: states, RemoteLocalities: remote})]
		for range 50 {
			require.Equal(t, at, b.levelOf[b.Pick(Request{Tried: states, RemoteLocalities: remote})])
		}
		return at
	}
	require.Equal(t, 0, level(true))
	require.Equal(t, 0, level(true, 0))
	require.Equal(t, 1, level(true, 0, 1))
	require.Equal(t, 1, level(true, 0, 1, 2), "only every second retry looks again")
	require.Equal(t, 2, level(true, 0, 1, 2, 3))
	require.Equal(t, 0, level(true, 0, 1, 2, 3, 4, 4), "none is left")
	require.Equal(t, 0, level(false, 0, 1, 0, 1))

	require.NotEqual(t, -1, b.Pick(Request{Tried: []*State{new(State), new(State)}, RemoteLocalities: true}), "hosts that left")
}
