package main

import (
	"context"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/redislimit"
)

func TestRedisPassword(t *testing.T) {
	for _, tt := range []struct{ address, password, want string }{
		{"a:1", "", "a:1"},
		{"a:1", "p/?#@ w", "redis://:p%2F%3F%23%40%20w@a:1"},
		{"[::1]:1", "pw", "redis://:pw@[::1]:1"},
		{"rediss://a", "pw", "rediss://:pw@a"},
		{"redis://user@a/3", "pw", "redis://user:pw@a/3"},
		{"redis://:@a", "", "redis://:@a"},
		{"unix:///run/redis.sock?db=2", "pw", "unix://:pw@/run/redis.sock?db=2"},
		{"redis+cluster://a:1?addr=b:2&addr=c:3", "pw", "redis+cluster://:pw@a:1?addr=b:2&addr=c:3"},
		{"redis+sentinel://user:other@a:1?master_name=shop&addr=b:2", "p&w", "redis+sentinel://user:other@a:1?addr=b%3A2&master_name=shop&password=p%26w"},
		// These are no addresses.
		{"", "pw", ""},
		{":1", "pw", ":1"},
		{"a:b", "pw", "a:b"},
		{"a:1/2", "pw", "a:1/2"},
		{"user:secret@a:1", "pw", "user:secret@a:1"},
		{"redis://a:x", "pw", "redis://a:x"},
	} {
		t.Run(tt.address, func(t *testing.T) {
			got, err := withPassword(tt.address, tt.password)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for _, address := range []string{"redis://:secret@a", "redis://user:@a", "redis+cluster://u:secret@a", "redis+sentinel://a?password=secret"} {
		_, err := withPassword(address, "pw")
		require.ErrorContains(t, err, "another one in LATEEN_REDIS_PASSWORD")
		require.NotContains(t, err.Error(), "secret")
	}
}

// The password of the environment is what Redis gets.
func TestRedisStoreAuthenticates(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("p@ss/w")
	for _, row := range []struct{ password, log string }{
		{"p@ss/w", ""},
		{"secret", "WARN the store of rate limits does not answer: the limits follow onStoreFailure flag=--redis error=\"redislimit: WRONGPASS "},
		{"", "WARN the store of rate limits does not answer: the limits follow onStoreFailure flag=--redis error=\"redislimit: NOAUTH "},
	} {
		t.Setenv(redisPassword, row.password)
		printed := looked(t, sharing{redis: new(server.Addr())})
		require.NotContains(t, printed, "secret")
		if row.log == "" {
			require.Empty(t, printed)
		}
		require.Contains(t, printed, row.log)
	}
	require.Empty(t, server.Keys(), "a look counts nothing")
}

func TestRedisStoreThatIsNotThere(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "none")
	require.Contains(t, looked(t, sharing{redis: new("unix://" + nothing)}), "flag=--redis error=\"redislimit: dial unix "+nothing)
}

// looked returns what is logged when a store is opened and looked for.
func looked(t *testing.T, h sharing) string {
	var printed strings.Builder
	log := slog.New(slog.NewTextHandler(&printed, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	to, err := h.open(log)
	require.NoError(t, err)
	to.look(t.Context(), log)
	require.NoError(t, to.close())
	return strings.NewReplacer("level=", "", `msg="`, "", `onStoreFailure"`, "onStoreFailure").Replace(printed.String())
}

// Two processes allow together what one would.
func TestServeCountsInRedis(t *testing.T) {
	db := startRedis(t)
	config := sharedShop(t)
	one, two := serveShop(t, config, "--redis", db.address), serveShop(t, config, "--redis", "redis://"+db.address)
	requireOneLimit(t, one, two)
	require.Len(t, db.keys(), 1)
	for _, s := range []*serving{one, two} {
		s.signal(syscall.SIGTERM)
		require.Zero(t, s.exit())
		require.NotContains(t, s.stderr.String(), "rate limits are counted in this process only")
	}
}

// While Redis is away, requests are answered. When it is back, it counts again.
func TestServeWhileRedisRestarts(t *testing.T) {
	db := startRedis(t)
	s := serveShop(t, limitedShop(t, "requestsPerUnit: 100000, unit: DAY, response: {rateLimitHeaders: DRAFT_VERSION_03}"), "--redis", db.address)
	for end := time.Now().Add(patience); len(db.keys()) == 0 && time.Now().Before(end); {
		askShop(t, 1, s)
	}
	require.Len(t, db.keys(), 1)

	db.stop()
	allowed, _, _ := askShop(t, 100, s)
	require.Equal(t, 100, allowed)

	db.start()
	require.Empty(t, db.keys(), "it keeps nothing")
	// Redis has a full bucket, and this process has not.
	const full = 99_950
	left := 0
	for end := time.Now().Add(patience); left < full && time.Now().Before(end); {
		left = remaining(t, s)
	}
	require.GreaterOrEqual(t, left, full)

	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
	var told strings.Builder
	for _, line := range regexp.MustCompile(`"rate limiter (failed|answers again)"`).FindAllStringSubmatch(s.stderr.String(), -1) {
		told.WriteString(line[1][:1])
	}
	// On a busy machine there can be more outages, each with two lines.
	require.Regexp(t, `^(fa)+f?$`, told.String())
	require.NotContains(t, s.stderr.String(), "redis: ", "its client writes nothing of its own")
}

// remaining returns what an answer says is left of the limit.
func remaining(t *testing.T, s *serving) int {
	response, err := client(t).Get("http://" + s.addresses["80"] + "/")
	require.NoError(t, err)
	drainAndClose(response.Body)
	left, err := strconv.Atoi(response.Header.Get("X-Ratelimit-Remaining"))
	require.NoError(t, err)
	return left
}

// A database is redis-server, or miniredis where that is not installed. It keeps
// nothing when it is stopped.
type database struct {
	t       *testing.T
	address string
	stop    func()
	start   func()
}

func startRedis(t *testing.T) *database {
	t.Helper()
	t.Setenv(redisPassword, "")
	path, err := exec.LookPath("redis-server")
	if err != nil {
		server := miniredis.RunT(t)
		return &database{t: t, address: server.Addr(), stop: server.Close, start: func() {
			server.FlushAll()
			require.NoError(t, server.Restart())
		}}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	d := &database{t: t, address: free.Addr().String()}
	_, port, err := net.SplitHostPort(d.address)
	require.NoError(t, err)
	directory := t.TempDir()
	var process *exec.Cmd
	d.stop = func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
	d.start = func() {
		process = exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", directory)
		require.NoError(t, process.Start())
		require.Eventually(t, func() bool {
			_, err := d.list()
			return err == nil
		}, patience, 10*time.Millisecond)
	}
	d.start()
	t.Cleanup(func() { d.stop() })
	return d
}

// keys returns the keys of the database.
func (d *database) keys() []string {
	keys, err := d.list()
	require.NoError(d.t, err)
	return keys
}

func (d *database) list() ([]string, error) {
	client, err := redislimit.NewClient(d.address)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Keys(context.Background(), "*").Result()
}
