package istio

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// A faultSearch finds the place of a fault. The parser does not report it, but it
// reads from front to back. So the place is the end of the shortest beginning of
// the text with the same fault. To find it, the parser reads many beginnings. This
// must be cheap for long texts too. So the search reads only the last lines of a
// beginning, below the lines that contain them, as long as they have the same
// fault. A budget limits the total.
type faultSearch struct {
	text  string
	fault *fault
	// starts are the starts of the lines.
	starts []int

	// spent is the number of bytes that the parser has read; budget is its limit.
	spent, budget int
}

// freeSearch is the budget for a short text, for which the cost does not matter.
const freeSearch = 256 << 10

// newFaultSearch returns a search that reads about as much as the length of the
// text.
func newFaultSearch(text string, f *fault) *faultSearch {
	s := &faultSearch{text: text, fault: f, budget: len(text) + freeSearch}
	for at := 0; at < len(text); at = lineEnd(text, at) {
		s.starts = append(s.starts, at)
	}
	return s
}

// line returns a line without its end.
func (s *faultSearch) line(n int) string {
	return strings.TrimRight(s.text[s.starts[n]:s.end(n)], "\r\n")
}

// end returns the start of the line after line n.
func (s *faultSearch) end(n int) int {
	if n+1 < len(s.starts) {
		return s.starts[n+1]
	}
	return len(s.text)
}

// lineAt returns the line with an offset.
func (s *faultSearch) lineAt(offset int) int {
	return max(sort.SearchInts(s.starts, offset+1)-1, 0)
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// A window is a part of the text that has the fault: from the line first to an end,
// below the lines that contain it.
type window struct {
	lead       []int
	first, end int
}

// longLine is longer than lines that people write, and too long to try every end.
const longLine = 1 << 10

// place returns the line of the fault, and its position in the line.
func (s *faultSearch) place() (line, at int) {
	w, n, ok := s.lines()
	if !ok {
		return s.stop()
	}
	begin, text := s.starts[n], s.line(n)
	indent := indentOf(text)
	switch name, isAnchor := strings.CutPrefix(s.fault.message, "unknown anchor '"); {
	case isAnchor:
		return n, max(indent, strings.Index(text, "*"+strings.TrimSuffix(name, "' referenced")))
	case s.fault.message == secondDocument, blockMessages[s.fault.message]:
		return n, indent
	case len(text) > longLine:
		return s.stop()
	}
	at = sort.Search(len(text), func(i int) bool { return s.fails(&w, begin+i+1) })
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	if at >= len(text) {
		at = indent
	}
	return n, max(at, len(text)-len(strings.TrimLeft(text, " ")))
}

// lines returns a window that has the fault, and its line in it.
func (s *faultSearch) lines() (w window, n int, ok bool) {
	if s.fault.message == unclosedString && s.fails(&window{}, s.end(0)) {
		// The parser does not report the number of the first line.
		return window{end: s.end(0)}, 0, true
	}
	w, ok = s.window(s.sameLine, s.ends()...)
	for ok {
		last := s.lineAt(w.end - 1)
		// The beginning that ends with the last line has the fault.
		n = last - gallop(last-w.first, func(back int) bool { return s.failsBefore(&w, s.end(last-back)) })
		if begun := s.fault.line; begun == n-1 && begun >= w.first && s.fails(&w, s.starts[n]) {
			// These are brackets that are not closed on their first line.
			n = begun
		}
		if n > w.first || w.first == 0 {
			return w, n, true
		}
		// The fault may be in one of the lines above.
		up := sort.Search(len(w.lead), func(i int) bool { return s.fails(&window{lead: w.lead[:i+1], first: n}, s.starts[n]) })
		if up == len(w.lead) {
			return w, n, true
		}
		above, found := s.window(func(*window, *fault) bool { return true }, s.end(w.lead[up]))
		if !found {
			return w, n, true
		}
		w = above
	}
	return w, 0, false
}

// ends returns the useful ends of windows.
func (s *faultSearch) ends() []int {
	if named := s.fault.line + 1; s.fault.line > 0 && named < len(s.starts) && s.starts[named] < s.fault.read {
		// If a construct is not closed, the parser reads to the end.
		return []int{s.starts[named], s.fault.read}
	}
	return []int{s.fault.read}
}

// stop returns where the parser stops. If that is the end of the text, it returns
// the line in the parser's message.
func (s *faultSearch) stop() (line, at int) {
	end := s.fault.read
	// The parser reads ahead, so it has read more than it has parsed.
	const ahead = 4 << 10
	if s.spent+end <= s.budget {
		s.spent += end
		if _, f := readYAML(&meter{text: s.text, coarse: max(end-ahead, 0)}); f != nil && f.message == s.fault.message {
			end = f.read
		}
	}
	if end == len(s.text) && s.fault.line > 0 {
		n := min(s.fault.line, len(s.starts)) - 1
		return n, indentOf(s.line(n))
	}
	n := s.lineAt(end - 1)
	at = max(min(end-1-s.starts[n], len(s.line(n))), 0)
	for at > 0 && at < len(s.line(n)) && !utf8.RuneStart(s.line(n)[at]) {
		at--
	}
	return n, at
}

// gallop returns the greatest number up to most for which f is true. f is true for
// 0 and for all smaller numbers. gallop begins with small numbers.
func gallop(most int, f func(int) bool) int {
	good, step := 0, 1
	for good+step <= most && f(good+step) {
		good += step
		step *= 2
	}
	bad := min(good+step, most+1)
	return good + sort.Search(bad-good-1, func(i int) bool { return !f(good + i + 1) })
}

// part returns the text of a window up to an offset. It is empty if the budget is
// too small to read it.
func (s *faultSearch) part(w *window, end int) string {
	begin := s.starts[w.first]
	if end < begin || s.spent+end-begin > s.budget {
		return ""
	}
	var b strings.Builder
	for _, n := range w.lead {
		b.WriteString(s.line(n) + "\n")
	}
	b.WriteString(s.text[begin:end])
	s.spent += b.Len()
	return b.String()
}

// parse reads a window up to an offset.
func (s *faultSearch) parse(w *window, end int) *fault {
	_, f := parseYAML(s.part(w, end))
	return f
}

// failsBefore is like fails, for a fault with another cause than the end of the
// beginning. A text that ends inside of brackets has such a fault, and another one
// if it continues.
func (s *faultSearch) failsBefore(w *window, end int) bool {
	further, inside := goesOn[s.fault.message]
	if !inside || !s.fault.ended && end >= s.fault.read {
		return s.fails(w, end)
	}
	text := s.part(w, end)
	_, f := parseYAML(text + further)
	return text != "" && f != nil && f.message == s.fault.message
}

// fails reports whether the beginning of a window up to an offset certainly has the
// fault.
func (s *faultSearch) fails(w *window, end int) bool {
	f := s.parse(w, end)
	return f != nil && f.message == s.fault.message
}

// window finds a short part of the text that has the fault, and one of its ends.
func (s *faultSearch) window(same func(*window, *fault) bool, ends ...int) (window, bool) {
	const shortest = 4 << 10
	for _, end := range ends {
		for size := shortest; ; size *= 4 {
			w := window{end: end}
			if size < end {
				w.first = s.shallowest(s.lineAt(end-size), s.lineAt(end-size/2))
				w.lead = s.above(w.first)
			}
			if size >= shortest*4 && end-s.starts[w.first]+s.spent > s.budget/2 {
				break
			}
			if f := s.parse(&w, end); f != nil && f.message == s.fault.message && same(&w, f) {
				return w, true
			}
			if size >= end {
				break
			}
		}
	}
	return window{}, false
}

// sameLine reports whether a window's fault names the same line as the fault of the
// whole text, or both name a line above the window.
func (s *faultSearch) sameLine(w *window, f *fault) bool {
	whole, here := s.fault.line-1-w.first, f.line-1-len(w.lead)
	return whole >= 0 && whole == here || whole < 0 && here <= 0
}

// shallowest returns the line with the least indentation, from first to last.
func (s *faultSearch) shallowest(first, last int) int {
	best, least := first, -1
	for n := first; n <= last; n++ {
		if line := s.line(n); !isComment(line) {
			if indent := indentOf(line); least < 0 || indent < least {
				best, least = n, indent
			}
		}
	}
	return best
}

// above returns the lines that contain a line, by indentation. The items of a list
// may have the same indentation as its key.
func (s *faultSearch) above(n int) []int {
	line := s.line(n)
	indent, item := indentOf(line), strings.HasPrefix(strings.TrimLeft(line, " "), "-")
	var lines []int
	for n--; n >= 0 && (indent > 0 || item); n-- {
		line := s.line(n)
		if isComment(line) || isMarker(line, "---") {
			continue
		}
		i, dash := indentOf(line), strings.HasPrefix(strings.TrimLeft(line, " "), "-")
		if i < indent || i == indent && item && !dash {
			lines = append(lines, n)
			indent, item = i, dash
		}
	}
	slices.Reverse(lines)
	return lines
}

// indentedFirst reports whether the cause of the fault on line n is a larger
// indentation of the document's first line, and returns that line.
func (s *faultSearch) indentedFirst(n int) (first int, is bool) {
	if s.fault.message != "did not find expected <document start>" && s.fault.message != secondDocument {
		return 0, false
	}
	for ; first < n; first++ {
		if line := s.line(first); !isComment(line) && !isMarker(line, "---") {
			return first, indentOf(line) > indentOf(s.line(n))
		}
	}
	return 0, false
}
