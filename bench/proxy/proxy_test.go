//go:build linux

package main

import (
	"bytes"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		runRole(role)
		return
	}
	os.Exit(m.Run())
}

// All contestants give the same answers, and every contest can be run.
func TestContests(t *testing.T) {
	p := plan{turns: 2, turn: 20 * time.Millisecond, connections: 16, idle: 200, idleTurns: 1, large: 8 << 20}
	var out bytes.Buffer
	if err := p.run(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &out)
	if rows := bytes.Count(out.Bytes(), []byte("\n|")); rows != 1+4*3+2*3+4*2+2 {
		t.Errorf("%d rows", rows)
	}
}
