package outage

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A questionReader reads one message of a client, and reports each question about
// limits that it contains.
type questionReader func(*bufio.Reader) ([]byte, error)

// redisQuestions reads commands. Those that run a script are questions.
func redisQuestions(counted func()) questionReader {
	return func(r *bufio.Reader) ([]byte, error) {
		var message bytes.Buffer
		length := func(kind byte) (int, error) {
			line, err := r.ReadString('\n')
			if err != nil {
				return 0, err
			}
			message.WriteString(line)
			if line[0] != kind {
				return 0, fmt.Errorf("%q is not the beginning of a command", line)
			}
			return strconv.Atoi(strings.TrimSpace(line[1:]))
		}
		words, err := length('*')
		if err != nil {
			return nil, err
		}
		for i := range words {
			n, err := length('$')
			if err != nil {
				return nil, err
			}
			word := make([]byte, n+2)
			if _, err := io.ReadFull(r, word); err != nil {
				return nil, err
			}
			message.Write(word)
			if i == 0 && bytes.HasPrefix(bytes.ToLower(word), []byte("eval")) {
				counted()
			}
		}
		return message.Bytes(), nil
	}
}

// grpcQuestions reads frames of HTTP/2. Each HEADERS frame begins a question.
func grpcQuestions(counted func()) questionReader {
	const preface, headers, frameHeader = 24, 1, 9
	began := false
	return func(r *bufio.Reader) ([]byte, error) {
		size := preface
		if began {
			header, err := r.Peek(frameHeader)
			if err != nil {
				return nil, err
			}
			size = frameHeader + int(binary.BigEndian.Uint32(append([]byte{0}, header[:3]...)))
			if header[3] == headers {
				counted()
			}
		}
		began = true
		message := make([]byte, size)
		_, err := io.ReadFull(r, message)
		return message, err
	}
}
