package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// A blobReader reads the contents of files out of a git repository, with one process of
// git for all of them. The zero blobReader is ready to use.
type blobReader struct {
	lock sync.Mutex
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// read returns the contents of an object.
func (b *blobReader) read(object string) ([]byte, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.cmd == nil {
		if err := b.start(); err != nil {
			return nil, err
		}
	}
	if _, err := fmt.Fprintln(b.in, object); err != nil {
		return nil, err
	}
	head, err := b.out.ReadString('\n') // <object> SP <type> SP <size> LF
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	var name, kind string
	var size int64
	if n, _ := fmt.Sscan(head, &name, &kind, &size); n != 3 {
		return nil, fmt.Errorf("git cat-file: %s", strings.TrimSpace(head))
	}
	data := make([]byte, size+1) // and a line feed
	if _, err := io.ReadFull(b.out, data); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return data[:size], nil
}

func (b *blobReader) start() error {
	cmd := exec.Command("git", "cat-file", "--batch")
	cmd.Env = gitEnvironment()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	b.cmd, b.in, b.out = cmd, in, bufio.NewReader(out)
	return nil
}

// close ends the process.
func (b *blobReader) close() {
	if b.cmd != nil {
		_ = b.in.Close()
		_ = b.cmd.Wait()
	}
}
