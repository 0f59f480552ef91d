package bucket

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestPageLayout(t *testing.T) {
	require.EqualValues(t, 4096, unsafe.Sizeof(page{}))
	require.EqualValues(t, 64, unsafe.Sizeof(group{}))
	require.EqualValues(t, 64, unsafe.Offsetof(page{}.groups))
	require.EqualValues(t, 256<<20, defaultMaxKeys/pageSlots*unsafe.Sizeof(page{}))
}

// A page takes nearly as many keys as it has slots before one has no room, and the
// groups of a key are hardly ever the same.
func TestPageRoom(t *testing.T) {
	l := spec.RateLimit{Requests: 10, Unit: time.Hour, Per: perAddress}
	b := NewBuckets(&l, nil)
	now := b.pace.now()
	const pages = 100
	kept, same, all := 0, 0, 0
	for trial := range pages {
		p := new(page)
		for n := range pageSlots {
			key := uint64(keyOf(b, trial*pageSlots+n))
			all++
			if home(key) == other(key) {
				same++
			}
			s := p.room(key, &b.pace, now)
			if s == nil {
				break
			}
			kept++
			state, _ := b.pace.take(0, now, b.pace.token)
			s.give(key, state)
			require.Equal(t, n+1, p.count(&b.pace, now))
			require.Same(t, s, p.find(key))
		}
	}
	// It is about 85 % on average, and the average of this many pages hardly varies.
	require.Greater(t, kept, pages*pageSlots*8/10)
	require.Less(t, same, all/pageGroups*2)
}

// The victim of a new key is the fullest bucket of its groups. Buckets that have
// refused requests come last, and move to make room if they can.
func TestPageEviction(t *testing.T) {
	l := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress}
	b := NewBuckets(&l, nil)
	now := b.pace.now()
	p := new(page)
	// Each slot of the page gets a key that has this home.
	fill := func(g uint64, states func(i int) int64) {
		i := 0
		for n := 0; i < groupSlots; n++ {
			if key := uint64(keyOf(b, int(g)*1_000_000+n)); home(key) == g && other(key) != g {
				p.groups[g][i].give(key, states(i))
				i++
			}
		}
	}
	once, _ := b.pace.take(0, now, b.pace.token)
	twice, _ := b.pace.take(once, now, b.pace.token)
	over, v := b.pace.take(twice, now, b.pace.token)
	require.False(t, v.Allowed)
	newcomer := uint64(keyOf(b, 1))
	for g := range uint64(pageGroups) {
		fill(g, func(i int) int64 {
			if i == 2 && g == other(newcomer) {
				return once
			}
			return twice
		})
	}
	require.Same(t, &p.groups[other(newcomer)][2], p.evict(newcomer, &b.pace, now))

	for g := range uint64(pageGroups) {
		fill(g, func(int) int64 { return over })
	}
	victim := &p.groups[(home(newcomer)+7)%pageGroups][1]
	key := victim.key.Load()
	alternative := p.groups[other(key)][0].key.Load()
	require.NotZero(t, alternative)
	// One bucket elsewhere is not over its limit, and one of the groups can use
	// its slot.
	resident := p.groups[home(newcomer)][0].key.Load()
	free := &p.groups[other(resident)][3]
	gone := free.key.Load()
	free.take()
	free.give(gone, once)
	p.evict(newcomer, &b.pace, now).give(newcomer, once)
	require.Nil(t, p.find(gone))
	require.NotNil(t, p.find(resident))
	require.NotNil(t, p.find(newcomer))
}

// A bucket that moves from another page gets the slot of a fuller one. If it refuses
// requests, it gets one that does not, and loses only to its equals.
func TestPageSqueeze(t *testing.T) {
	l := spec.RateLimit{Requests: 3, Unit: time.Hour, Per: perAddress}
	b := NewBuckets(&l, nil)
	now := b.pace.now()
	states := []int64{0}
	for range 4 {
		state, _ := b.pace.take(states[len(states)-1], now, b.pace.token)
		states = append(states, state)
	}
	once, twice, thrice, over := states[1], states[2], states[3], states[4]
	moving := uint64(keyOf(b, 1))
	for _, row := range []struct {
		name         string
		home, other  int64
		state, loses int64
	}{
		{"fuller ones in the first group", once, thrice, twice, once},
		{"fuller ones in the second group", thrice, once, twice, once},
		{"equal ones", twice, twice, twice, 0},
		{"less full ones", thrice, thrice, twice, 0},
		{"ones over the limit", over, over, thrice, 0},
		{"ones over the limit in the first group", over, once, twice, once},
		{"over the limit, and the others not", once, twice, over, once},
		{"over the limit, and so are those in the first group", over, twice, over, twice},
		{"over the limit, and so are all", over, over, over, over},
	} {
		p := new(page)
		for g := range p.groups {
			for i := range p.groups[g] {
				p.groups[g][i].state.Store(over)
			}
		}
		fill := func(g uint64, state int64) {
			for i := range p.groups[g] {
				p.groups[g][i].give(moving+uint64(i)+1, state)
			}
		}
		fill(home(moving), row.home)
		fill(other(moving), row.other)
		s := p.squeeze(moving, row.state, &b.pace, now)
		if row.loses == 0 {
			require.Nil(t, s, row.name)
			continue
		}
		require.NotNil(t, s, row.name)
		lost := row.home
		if g := &p.groups[other(moving)]; s == &g[0] || s == &g[1] || s == &g[2] || s == &g[3] {
			lost = row.other
		}
		require.Equal(t, row.loses, lost, row.name)
	}
}
