package attacks

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A frame is a frame of HTTP/2.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     string
}

const (
	kindData, kindHeaders, kindPriority, kindReset, kindSettings = 0, 1, 2, 3, 4
	kindPush, kindPing, kindGoAway, kindWindow, kindContinuation = 5, 6, 7, 8, 9

	flagEnd, flagAck, flagEndHeaders = 1, 1, 4
)

var frameKinds = map[string]byte{
	"DATA": kindData, "HEADERS": kindHeaders, "PRIORITY": kindPriority, "RST_STREAM": kindReset, "SETTINGS": kindSettings,
	"PUSH_PROMISE": kindPush, "PING": kindPing, "GOAWAY": kindGoAway, "WINDOW_UPDATE": kindWindow, "CONTINUATION": kindContinuation,
}

// parseFrame reads a line of a case: "HEADERS end :method=GET …", "DATA text", "x100 PING \{a*8}". A frame of
// SETTINGS, PING or GOAWAY is on stream 0, others are on stream 1, or on that of "on=N".
func parseFrame(line string) ([]frame, error) {
	var f frame
	words := strings.Fields(line)
	times := 1
	if rest, ok := strings.CutPrefix(words[0], "x"); ok {
		var err error
		if times, err = strconv.Atoi(rest); err != nil {
			return nil, err
		}
		words = words[1:]
	}
	kind, ok := frameKinds[words[0]]
	if !ok {
		return nil, fmt.Errorf("there is no frame %q", words[0])
	}
	f.kind = kind
	fields := kind == kindHeaders || kind == kindContinuation
	if fields {
		f.flags = flagEndHeaders
	}
	if kind != kindSettings && kind != kindPing && kind != kindGoAway {
		f.stream = 1
	}
	for _, word := range words[1:] {
		stream, on := strings.CutPrefix(word, "on=")
		switch {
		case word == "end":
			f.flags |= flagEnd
		case word == "more":
			f.flags &^= flagEndHeaders
		case on:
			n, err := strconv.ParseUint(stream, 10, 31)
			if err != nil {
				return nil, err
			}
			f.stream = uint32(n)
		case fields:
			// A name may begin with a colon and have escapes, but no "=".
			name, value, ok := strings.Cut(word, "=")
			if !ok {
				return nil, fmt.Errorf("%q is not NAME=VALUE", word)
			}
			name, err := unescape(name)
			if err != nil {
				return nil, err
			}
			value, err = unescape(value)
			if err != nil {
				return nil, err
			}
			f.payload += string(literal(name, value))
		default:
			text, err := unescape(word)
			if err != nil {
				return nil, err
			}
			f.payload += text
		}
	}
	all := make([]frame, times)
	for i := range all {
		all[i] = f
	}
	return all, nil
}

// literal encodes a field as a literal without indexing, with a new name (RFC 7541, 6.2.2).
func literal(name, value string) []byte {
	out := []byte{0}
	for _, text := range []string{name, value} {
		if n := len(text); n < 127 {
			out = append(out, byte(n))
		} else {
			out = append(out, 127)
			for n -= 127; n >= 128; n >>= 7 {
				out = append(out, byte(n)|128)
			}
			out = append(out, byte(n))
		}
		out = append(out, text...)
	}
	return out
}

// append appends the frame, in several if it is too long for one.
func (f frame) append(to []byte) []byte {
	const longest = 16 << 10
	if f.kind == kindHeaders && len(f.payload) > longest {
		rest := frame{kindContinuation, f.flags & flagEndHeaders, f.stream, f.payload[longest:]}
		f.payload, f.flags = f.payload[:longest], f.flags&^flagEndHeaders
		return rest.append(f.append(to))
	}
	if f.kind == kindContinuation && len(f.payload) > longest {
		rest := f
		rest.payload = f.payload[longest:]
		f.payload, f.flags = f.payload[:longest], 0
		return rest.append(f.append(to))
	}
	n := len(f.payload)
	to = append(to, byte(n>>16), byte(n>>8), byte(n), f.kind, f.flags)
	to = binary.BigEndian.AppendUint32(to, f.stream)
	return append(to, f.payload...)
}

// encoded returns the frames of a case.
func (c *testCase) encoded() []byte {
	var out []byte
	for _, f := range c.frames {
		out = f.append(out)
	}
	return out
}

// statusOf returns the status at the beginning of a header block that a Go server has sent.
func statusOf(block string) int {
	if block == "" {
		return 0
	}
	// Indexed fields of the static table.
	if status, ok := map[byte]int{0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}[block[0]]; ok {
		return status
	}
	// A literal with the indexed name :status and a value of three digits, Huffman-coded if
	// that is shorter.
	if name := block[0] & 0x3f; len(block) < 2 || name < 8 || name > 14 || len(block) < 2+int(block[1]&0x7f) {
		return 0
	}
	if block[1]&0x80 == 0 {
		status, _ := strconv.Atoi(block[2 : 2+block[1]])
		return status
	}
	bits, left := uint64(0), 0
	for _, b := range []byte(block[2 : 2+block[1]&0x7f]) {
		bits, left = bits<<8|uint64(b), left+8
	}
	status := 0
	for range 3 {
		digit := bits >> (left - 5) & 0x1f
		if left -= 5; digit > 2 {
			left--
			digit = bits>>left&0x3f - 0x19 + 3
		}
		status = 10*status + int(digit)
	}
	return status
}

func TestStatusOf(t *testing.T) {
	for block, want := range map[string]int{"\x88": 200, "\x8c": 400, "\x4e\x82\x6c\x02": 502, "\x48\x83\x68\x2c\xff": 413, "\x48\x83\x69\x90\xff": 431, "\x4e\x03405": 405, "\x48\x83\x68": 0, "": 0, "\x40": 0} {
		require.Equal(t, want, statusOf(block), "%x", block)
	}
}
