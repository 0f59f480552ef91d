package admin

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A browser is a headless Chromium, which takes commands of the DevTools protocol over
// a pipe: JSON that ends in a NUL byte.
type browser struct {
	t       *testing.T
	to      *os.File
	from    *bufio.Reader
	number  int
	session string
}

// startBrowser starts Chromium, or skips the test if there is none.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Chromium takes commands over inherited files only on Unix")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium: the pages are not shown in a browser")
	}
	commands, to, err := os.Pipe()
	require.NoError(t, err)
	from, answers, err := os.Pipe()
	require.NoError(t, err)
	// Processes of Chromium may write there until a moment after its end, so that
	// t.TempDir could not remove it.
	profile, err := os.MkdirTemp("", "chromium")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	c := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	c.ExtraFiles = []*os.File{commands, answers}
	require.NoError(t, c.Start())
	require.NoError(t, commands.Close())
	require.NoError(t, answers.Close())
	t.Cleanup(func() {
		_, _ = to.WriteString("{\"id\":0,\"method\":\"Browser.close\"}\x00")
		kill := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		kill.Stop()
		_ = to.Close()
		_ = from.Close()
	})
	require.NoError(t, from.SetReadDeadline(time.Now().Add(time.Minute)))
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.call("Page.enable", nil, nil)
	return b
}

// call sends a command and waits for its result.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.number++
	command := map[string]any{"id": b.number, "method": method, "params": params}
	if params == nil {
		command["params"] = map[string]any{}
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	require.NoError(b.t, err)
	_, err = b.to.Write(append(text, 0))
	require.NoError(b.t, err)
	b.await(func(m *message) bool { return m.ID == b.number }, result)
}

// A message is a result or an event.
type message struct {
	ID     int
	Method string
	Result json.RawMessage
	Error  *struct{ Message string }
}

// await waits for a message.
func (b *browser) await(is func(*message) bool, result any) {
	b.t.Helper()
	for {
		text, err := b.from.ReadBytes(0)
		require.NoError(b.t, err)
		var m message
		require.NoError(b.t, json.Unmarshal(text[:len(text)-1], &m))
		if !is(&m) {
			continue
		}
		require.Nil(b.t, m.Error)
		if result != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, result))
		}
		return
	}
}

// open shows a page.
func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.loaded()
}

func (b *browser) loaded() {
	b.t.Helper()
	b.await(func(m *message) bool { return m.Method == "Page.loadEventFired" }, nil)
}

// eval returns the value of a JavaScript expression, as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails any
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression}, &out)
	require.Nil(b.t, out.ExceptionDetails)
	return fmt.Sprint(out.Result.Value)
}

// look sets the width of the window and the color scheme.
func (b *browser) look(width int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// shot writes a picture of the page if LATEEN_SCREENSHOTS names a directory.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("LATEEN_SCREENSHOTS")
	if dir == "" {
		return
	}
	var out struct{ Data string }
	b.call("Page.captureScreenshot", nil, &out)
	picture, err := base64.StdEncoding.DecodeString(out.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}

// A person reads the pages in a browser: light and dark, on a desk and on a phone.
func TestPagesInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("no browser is started")
	}
	failing := 0
	gw, p, _ := canary(t, func() bool { failing++; return failing%4 == 0 })
	send(gw, "/cart", 2000)
	stop, addr, err := p.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer stop()
	url := "http://" + addr.String()
	b := startBrowser(t)

	backgrounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{1200, 360} {
			b.look(width, scheme)
			for _, page := range []string{"/", "/decide"} {
				b.open(url + page)
				require.Contains(t, b.eval("document.title"), "Lateen", page)
				require.Equal(t, "true", b.eval("document.documentElement.scrollWidth <= innerWidth"), "%s at %d", page, width)
				b.shot(fmt.Sprintf("%s-%d-%s", map[string]string{"/": "status", "/decide": "decide"}[page], width, scheme))
			}
		}
		backgrounds[scheme] = b.eval("getComputedStyle(document.body).backgroundColor")
	}
	require.NotEqual(t, backgrounds["light"], backgrounds["dark"])

	b.open(url + "/")
	require.Contains(t, b.eval("document.body.innerText"), "cart/v2 fails more often than cart/v1")
	require.Equal(t, "0", b.eval("document.scripts.length"), "text of the configuration is no script")
	require.Contains(t, b.eval("document.body.innerText"), `prefix "/<script>"`)

	b.eval("document.querySelector('input[name=q]').value = 'gone'; document.forms[0].submit()")
	b.loaded()
	require.Contains(t, b.eval("document.body.innerText"), "Routes 1 of 3", "the search finds one route of three")

	b.open(url + "/decide")
	b.eval("document.querySelector('input[name=url]').value = 'http://shop.test/cart/1'; document.forms[0].submit()")
	b.loaded()
	answer := b.eval("document.querySelector('pre').innerText")
	require.Contains(t, answer, "default/shop cart")
	require.True(t, strings.HasPrefix(answer, "GET http://shop.test/cart/1"), answer)
	b.shot("decided")
}
