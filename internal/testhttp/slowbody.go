package testhttp

import (
	"time"
)

// A SlowBody arrives in parts, each after a while.
type SlowBody struct {
	Parts []string
	Each  time.Duration
	Err   error
}

func (b *SlowBody) Read(p []byte) (int, error) {
	time.Sleep(b.Each)
	if len(b.Parts) == 0 {
		return 0, b.Err
	}
	n := copy(p, b.Parts[0])
	b.Parts = b.Parts[1:]
	return n, nil
}

func (b *SlowBody) Close() error { return nil }
