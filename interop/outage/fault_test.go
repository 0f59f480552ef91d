package outage

import "fmt"

// A fault is a way in which a store fails.
type fault struct {
	name string
	// begin begins the fault, and end ends it.
	begin, end func(*store, *wire)
	// hangs means that a question gets no answer and no error.
	hangs bool
	// forgets means that the store has lost its counts.
	forgets bool
}

// faults returns the ways in which a store can fail.
func faults(s *store) []fault {
	repair := func(_ *store, w *wire) { w.repair() }
	damaged := func(d damage, garbage string) func(*store, *wire) {
		return func(_ *store, w *wire) { w.begin(d, garbage) }
	}
	all := []fault{
		{name: "killed", begin: func(s *store, _ *wire) { s.server.kill() }, end: func(s *store, _ *wire) { s.server.start() }},
		{name: "stopped", hangs: true, begin: func(s *store, _ *wire) { s.server.stop() }, end: func(s *store, _ *wire) { s.server.proceed() }},
		{name: "refuses connections", begin: func(_ *store, w *wire) { w.refuse() }, end: func(_ *store, w *wire) { w.accept() }},
		{name: "never answers", hangs: true, begin: damaged(damageSilent, ""), end: repair},
		{name: "answers too late", hangs: true, begin: damaged(damageLate, ""), end: repair},
		{name: "cuts answers", begin: damaged(damageCut, ""), end: repair},
		{name: "loses its counts", forgets: true,
			begin: func(s *store, _ *wire) { s.redis.kill() },
			end:   func(s *store, _ *wire) { s.forget(); s.redis.start() }},
	}
	for name, text := range s.garbage {
		// Some garbage is the beginning of an answer, so that the rest is awaited.
		all = append(all, fault{name: fmt.Sprint("answers ", name), hangs: true, begin: damaged(damageGarbage, text), end: repair})
	}
	return all
}
