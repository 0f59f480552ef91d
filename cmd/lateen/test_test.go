package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
)

const (
	routesOfA = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n  hosts: [a.test]\n  http:\n  - name: NAME\n    directResponse: {status: 200}\n"
	caseOfA   = "cases: [{name: a, request: {url: http://a.test/}, expect: {route: NAME}}]\n"
)

func named(text, name string) []byte { return []byte(strings.ReplaceAll(text, "NAME", name)) }

// A changing source changes as often as it has steps.
type changing struct {
	spec.Source
	steps []func()
}

func (c *changing) Watch(_ context.Context, changed func()) error {
	for _, step := range c.steps {
		step()
		changed()
	}
	return nil
}

func TestWatchTestsAgain(t *testing.T) {
	dir := t.TempDir()
	config, cases := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "cases.yaml")
	write := func(path string, text []byte) func() {
		return func() { require.NoError(t, os.WriteFile(path, text, 0o644)) }
	}
	write(config, named(routesOfA, "one"))()
	write(cases, named(caseOfA, "one"))()
	v := &trial{cases: []string{cases}, format: "text"}
	v.files, v.rereads = []string{config}, true
	var out, complaints bytes.Buffer
	s := streams{out: &out, err: &complaints}
	source := &changing{v.source(s), []func(){
		write(config, named(routesOfA, "two")),                                                     // the case fails
		write(cases, []byte("cases: [{nam: a}]")),                                                  // it is wrong
		write(config, []byte("kind: [")),                                                           // the configuration too
		func() { write(cases, named(caseOfA, "two"))(); write(config, named(routesOfA, "two"))() }, // all is well
	}}
	require.Equal(t, exitOK, v.follow(t.Context(), source, s))
	require.Equal(t, []string{
		"ok: 1 case passed", "FAIL: 0 cases passed, 1 failed", "ok: 1 case passed",
	}, linesWith(out.String(), " passed"))
	require.Len(t, linesWith(complaints.String(), "waiting for changes"), 5)
	require.Len(t, linesWith(complaints.String(), "cases[0].nam: unknown field"), 2)
	require.Len(t, linesWith(complaints.String(), "config.yaml:1:7: not readable as YAML"), 1)
}

func linesWith(text, part string) (found []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// TestWatchFollowsFiles changes the files of a running test.
func TestWatchFollowsFiles(t *testing.T) {
	dir := t.TempDir()
	config, cases := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "cases")
	put := func(path string, text []byte) {
		t.Helper()
		// It is renamed, so that nobody reads the half of it.
		require.NoError(t, os.WriteFile(path+".new", text, 0o644))
		require.NoError(t, os.Rename(path+".new", path))
	}
	require.NoError(t, os.Mkdir(cases, 0o755))
	put(config, named(routesOfA, "one"))
	put(filepath.Join(cases, "a.yaml"), named(caseOfA, "one"))
	v := &trial{cases: []string{cases}, format: "text"}
	v.files, v.rereads = []string{config}, true

	read, write := io.Pipe()
	s := streams{out: write, err: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		ended <- v.follow(ctx, &live.Files{Source: v.source(s), Paths: []string{config, cases}, Recursive: true}, s)
		write.Close()
	}()
	lines := bufio.NewScanner(read)
	verdict := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), " passed") {
				require.Equal(t, want, lines.Text())
				return
			}
		}
		require.Fail(t, "it ended")
	}
	verdict("ok: 1 case passed")
	put(config, named(routesOfA, "two"))
	verdict("FAIL: 0 cases passed, 1 failed")
	put(filepath.Join(cases, "a.yaml"), named(caseOfA, "two"))
	verdict("ok: 1 case passed")
	put(filepath.Join(cases, "b.yaml"), named(caseOfA, "two"))
	verdict("ok: 2 cases passed")
	cancel()
	go func() { _, _ = io.Copy(io.Discard, read) }()
	require.Equal(t, exitOK, <-ended)
}
