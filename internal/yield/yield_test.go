package yield

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// On one processor another goroutine runs only when this one lets it.
func TestOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, work := range map[string]func(i int){
		"routes": Each,
		"bytes":  func(i int) { Bytes(i*(bytes/routes), (i+1)*(bytes/routes)) },
	} {
		var turns atomic.Int32
		ended := make(chan struct{})
		done := false
		go func() {
			defer close(ended)
			for turns.Load() < 3 {
				turns.Add(1)
				runtime.Gosched()
			}
		}()
		for i := 0; i < 4*routes && !done; i++ {
			work(i)
			done = turns.Load() == 3
		}
		require.True(t, done, name)
		<-ended
	}
}
