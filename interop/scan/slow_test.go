package scan

import (
	"bufio"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/server"
)

// TestSlowHTTP attacks a port with clients that are slow. Others get their answers meanwhile,
// and the connections of those that keep the server waiting end.
func TestSlowHTTP(t *testing.T) {
	slowhttptest := program(t, "slowhttptest", "apt-get install slowhttptest")
	for _, row := range []struct {
		name string
		args []string
	}{
		{"heads", []string{"-H", "-i", "1", "-x", "24"}},
		{"bodies", []string{"-B", "-i", "1", "-s", "8192", "-x", "10"}},
		{"ranges", []string{"-R", "-a", "10", "-b", "300"}},
		{"readers", []string{"-X", "-w", "10", "-y", "20", "-n", "1", "-z", "5", "-k", "3"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			// The times are those of the defaults, made shorter.
			plain, _ := serve(t, server.Config{ReadHeaderTimeout: time.Second, IdleTimeout: 2 * time.Second})
			url := "http://" + plain + "/"
			args := append(row.args, "-c", "200", "-r", "200", "-l", "6", "-p", "3", "-u", url)
			command := exec.CommandContext(t.Context(), slowhttptest, args...)
			out, err := command.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			said := make(chan string)
			go func() {
				var all strings.Builder
				for lines := bufio.NewScanner(out); lines.Scan(); {
					all.WriteString(lines.Text() + "\n")
				}
				said <- all.String()
			}()
			client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			defer client.CloseIdleConnections()
			answered := 0
			for report := ""; report == ""; {
				response, err := client.Get(url)
				require.NoError(t, err, "after %d answers", answered)
				require.NoError(t, response.Body.Close())
				require.Equal(t, http.StatusOK, response.StatusCode)
				answered++
				select {
				case report = <-said:
					require.NotContains(t, report, "service available: NO", report)
					require.Contains(t, report, "Exit status", report)
				case <-time.After(20 * time.Millisecond):
				}
			}
			require.NoError(t, command.Wait())
			require.Greater(t, answered, 20)
		})
	}
}

// TestSlowClientsAreFreed keeps connections that send nothing more, and waits until each is
// closed.
func TestSlowClientsAreFreed(t *testing.T) {
	plain, _ := serve(t, server.Config{ReadHeaderTimeout: 500 * time.Millisecond, IdleTimeout: 500 * time.Millisecond})
	for _, begin := range []string{"", "G", "GET / HTTP/1.1\r\nHost: a.test\r\nX-A: ", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"} {
		conn, err := net.Dial("tcp", plain)
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte(begin))
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		in := bufio.NewReader(conn)
		for {
			if _, err = in.ReadByte(); err != nil {
				break
			}
		}
		timeout, ok := err.(net.Error)
		require.False(t, ok && timeout.Timeout(), "%q holds a connection", begin)
	}
}
