// Package pace ends what clients hold without making progress: bodies that arrive too
// slowly, and responses that are not taken.
package pace

import "time"

// A Rate is the least speed of a client. The zero Rate demands nothing.
type Rate struct {
	// BytesPerSecond is the average that a client must reach. Zero or less is no demand.
	BytesPerSecond int
	// Grace is the time that a client has at first.
	Grace time.Duration
}

// pauses is how many times the grace a client may pause after it was fast.
const pauses = 4

// Demands reports whether the rate demands anything.
func (r Rate) Demands() bool { return r.BytesPerSecond > 0 }

// LongestPause is the longest time without a byte, however fast the client was before.
func (r Rate) LongestPause() time.Duration { return pauses * r.Grace }

// A Credit is how long a client may still let the server wait. Each byte adds to it what
// the byte may take, up to the longest pause. Time in which the server does not wait for
// the client costs nothing.
type Credit struct {
	rate Rate
	// Left is the remaining time.
	Left time.Duration
}

// NewCredit returns the credit of a client that has sent nothing.
func NewCredit(r Rate) Credit { return Credit{rate: r, Left: r.Grace} }

// Spend takes down that the server has waited, and got n bytes.
func (c *Credit) Spend(waited time.Duration, n int64) {
	earned := c.rate.LongestPause()
	if seconds := n / int64(c.rate.BytesPerSecond); seconds < int64(earned/time.Second)+1 {
		earned = min(earned, time.Duration(n)*time.Second/time.Duration(c.rate.BytesPerSecond))
	}
	c.Left = min(c.Left-waited+earned, c.rate.LongestPause())
}
