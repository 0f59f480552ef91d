package main

import (
	"io"
	"testing"
)

// Each contestant gives the right answers in every shape. report ends the
// program if one does not.
func TestContestantsAgree(t *testing.T) {
	for i := range shapes {
		t.Run(shapes[i].name, func(t *testing.T) {
			for _, n := range []int{1, 10, 100} {
				table := shapes[i].table(n)
				requests, answers := shapes[i].requests(table)
				for _, c := range contestants {
					if err := check(c.make(table), requests, answers); err != nil {
						t.Errorf("%s, %d routes: %v", c.name, n, err)
					}
				}
			}
			report(io.Discard, &shapes[i], []int{4}, 1)
		})
	}
}
