// Package suggest finds the word that was probably intended.
package suggest

import "strings"

// Closest returns the known word that word was probably meant to be, or "" if
// none is close. Letter case alone, and case together with the separators "-"
// and "_", never count as a difference. Otherwise one edit (a letter added,
// dropped or replaced, or two neighbors exchanged) is allowed for every three
// letters of the longer word. If there are several, the nearest wins, then the
// earliest.
func Closest(word string, known []string) string {
	if word == "" {
		return ""
	}
	best, bestDistance := "", -1
	folded := fold(word)
	for _, candidate := range known {
		if candidate == word {
			continue
		}
		other := fold(candidate)
		limit := max(len(folded), len(other)) / 3
		distance := edits(folded, other, limit)
		if distance > limit || bestDistance >= 0 && distance >= bestDistance {
			continue
		}
		best, bestDistance = candidate, distance
	}
	return best
}

var separators = strings.NewReplacer("-", "", "_", "")

func fold(s string) string { return separators.Replace(strings.ToLower(s)) }

// edits returns the distance of a and b in edits of bytes, or any number above
// limit as soon as the distance is known to exceed limit.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	// Rows i-2, i-1 and i of the table of distances between prefixes.
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
			least = min(least, current[j])
		}
		if least > limit {
			return limit + 1
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
