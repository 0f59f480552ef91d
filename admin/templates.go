package admin

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed style.css
var style string

//go:embed status.html
var statusHTML string

//go:embed decide.html
var decideHTML string

// styleHash lets the policy of the pages allow their own style and no other.
var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

var functions = template.FuncMap{
	"style":   func() template.CSS { return template.CSS(style) },
	"add":     func(a, b int) int { return a + b },
	"count":   grouped,
	"expired": func(at time.Time) bool { return time.Now().After(at) },
	"share":   percent,
	"label":   func(d destinationView) string { return label(&d) },
	"took": func(d time.Duration) string {
		if d == 0 {
			return "–"
		}
		unit := time.Millisecond
		if d < 10*time.Millisecond {
			unit = 10 * time.Microsecond
		}
		return d.Round(unit).String()
	},
	"rate": func(perSecond float64) string {
		if perSecond != 0 && perSecond < 10 {
			return strconv.FormatFloat(perSecond, 'f', 2, 64)
		}
		return grouped(uint64(perSecond + 0.5))
	},
}

var (
	statusPage = template.Must(template.New("status").Funcs(functions).Parse(statusHTML))
	decidePage = template.Must(template.New("decide").Funcs(functions).Parse(decideHTML))
)

// grouped writes a number with its digits in groups of three.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// percent writes a share with as many digits as matter.
func percent(share float64) string {
	p := 100 * share
	switch {
	case p < 0.001 || p >= 10:
		return fmt.Sprintf("%.1f %%", p)
	case p >= 0.1:
		return fmt.Sprintf("%.2f %%", p)
	}
	return fmt.Sprintf("%.2g %%", p)
}

func sortFigures(list []routeFigure) {
	slices.SortFunc(list, func(a, b routeFigure) int {
		return cmp.Or(cmp.Compare(a.Listener, b.Listener), cmp.Compare(a.VirtualService, b.VirtualService), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Destination, b.Destination))
	})
}
