package upstream

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// What the backend has said can be read after a write has failed, which returns
// when the reader closes the connection.
func TestPatientConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPatientConn(brokenPipe{})
		returned := make(chan error, 1)
		go func() {
			n, err := c.Write([]byte("upload"))
			require.Zero(t, n)
			returned <- err
		}()
		synctest.Wait()
		require.Empty(t, returned)
		said := make([]byte, 3)
		n, err := c.Read(said)
		require.NoError(t, err)
		require.Equal(t, "413", string(said[:n]))
		require.Empty(t, returned)
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-returned, net.ErrClosed)
		require.NoError(t, c.Close())
	})
}

// A write that succeeds returns at once.
func TestPatientConnWrites(t *testing.T) {
	here, there := net.Pipe()
	c := newPatientConn(here)
	defer c.Close()
	read := make(chan string, 1)
	go func() {
		b := make([]byte, 3)
		n, _ := there.Read(b)
		read <- string(b[:n])
	}()
	n, err := c.Write([]byte("abc"))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, "abc", testwire.Within(t, read))
}

// A brokenPipe is a connection that can be read but not written to.
type brokenPipe struct{ net.Conn }

func (brokenPipe) Write([]byte) (int, error)  { return 0, net.ErrClosed }
func (brokenPipe) Read(p []byte) (int, error) { return copy(p, "413"), nil }
func (brokenPipe) Close() error               { return nil }
