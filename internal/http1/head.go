package http1

import (
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/http1/grammar"
)

// A framing is what the header of a request says about its body and its connection.
type framing struct {
	// length is the Content-Length, or -1 if there is none.
	length int64
	// chunked means that the body is chunked.
	chunked bool
	// closes and keeps mean that the Connection header has these words.
	closes, keeps bool
	// expects means that the client waits for a 100 before it sends the body.
	expects bool
	// hosts counts Host headers.
	hosts int
}

// parse reads the lines of a request's head without the empty line at its end. Each
// line ends in CRLF.
//
// It follows RFC 9112 where that requires to detect an error, but never where it
// allows to repair one. It accepts what net/http accepts, but for the differences that
// docs/semantics.md lists.
func (x *exchange) parse(text string) *refusal {
	end := strings.IndexByte(text, '\n')
	if end < 1 {
		return badRequest
	}
	if problem := x.parseRequestLine(text[:end-1]); problem != nil {
		return problem
	}
	if problem := x.parseFields(text[end+1:]); problem != nil {
		return problem
	}
	return x.frame()
}

func (x *exchange) parseRequestLine(line string) *refusal {
	r := &x.request
	method, rest, _ := strings.Cut(line, " ")
	target, version, ok := strings.Cut(rest, " ")
	if !ok || !grammar.IsToken(method) || !isTargetText(target) {
		return badRequest
	}
	r.Method, r.RequestURI, r.Proto = method, target, version
	switch version {
	case "HTTP/1.1":
		r.ProtoMajor, r.ProtoMinor = 1, 1
	case "HTTP/1.0":
		r.ProtoMajor, r.ProtoMinor = 1, 0
	default:
		if r.ProtoMajor, r.ProtoMinor, ok = http.ParseHTTPVersion(version); !ok {
			return badRequest
		}
	}
	if !parseTarget(&x.url, method, target) {
		return badRequest
	}
	r.URL = &x.url
	return nil
}

// parseFields reads header lines. The Host header is not a part of the header.
func (x *exchange) parseFields(text string) *refusal {
	x.framing = framing{length: -1}
	lines := strings.Count(text, "\n")
	if lines > MaxLines {
		return headTooLarge
	}
	header, values := x.room(lines)
	for n := 0; text != ""; n++ {
		end := strings.IndexByte(text, '\n')
		f, problem := grammar.ParseField(text[:end-1])
		if problem != "" {
			return badRequest
		}
		text = text[end+1:]
		if f.Key == "Host" {
			if x.hosts++; x.hosts == 1 {
				x.request.Host = f.Value
			}
			continue
		}
		if before, ok := header[f.Key]; ok {
			header[f.Key] = append(before, f.Value)
		} else {
			values[n] = f.Value
			header[f.Key] = values[n : n+1 : n+1]
		}
		if problem := x.note(f); problem != nil {
			return problem
		}
	}
	x.request.Header = header
	return nil
}

// note takes down what a field says about the body and the connection.
func (x *exchange) note(f grammar.Field) *refusal {
	switch f.Key {
	case "Content-Length":
		n, ok := grammar.ParseLength(f.Value)
		if !ok || x.length >= 0 {
			return badRequest
		}
		x.length = n
	case "Transfer-Encoding":
		if x.request.ProtoMinor == 0 {
			// Who knows only HTTP/1.0 does not see where the body ends.
			return badRequest
		}
		if x.chunked || !grammar.IsWord(f.Value, "chunked") {
			return unknownCoding
		}
		x.chunked = true
	case "Connection":
		if f.Value == "keep-alive" {
			x.keeps = true
			return nil
		}
		for word := range strings.SplitSeq(f.Value, ",") {
			word = grammar.Trim(word)
			x.closes = x.closes || grammar.IsWord(word, "close")
			x.keeps = x.keeps || grammar.IsWord(word, "keep-alive")
		}
	}
	return nil
}

// frame completes the request from its header, as net/http does.
func (x *exchange) frame() *refusal {
	r, h := &x.request, x.request.Header
	if r.ProtoMajor != 1 {
		return unknownVersion
	}
	switch {
	case x.chunked && x.length >= 0:
		return twoLengths
	case x.hosts > 1:
		return badRequest
	case x.hosts == 0 && r.ProtoMinor > 0 && r.Method != http.MethodConnect:
		return missingHost
	case r.URL.Host != "":
		// The authority of the target goes before the Host header.
		if r.Host != "" && !doubt.IsAuthority(r.Host) {
			return badHost
		}
		r.Host = r.URL.Host
	}
	if !doubt.HasOneHost(r) {
		return badHost
	}
	if pragma := h["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" {
		if _, ok := h["Cache-Control"]; !ok {
			h["Cache-Control"] = []string{"no-cache"}
		}
	}
	r.Close = x.closes || r.ProtoMinor == 0 && !x.keeps
	r.ContentLength = max(x.length, 0)
	if x.chunked {
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		delete(h, "Transfer-Encoding")
		if announced, ok := h["Trailer"]; ok {
			if !x.announce(announced) {
				return badRequest
			}
			delete(h, "Trailer")
		}
	}
	if expected := h["Expect"]; len(expected) > 0 {
		for _, value := range expected {
			for word := range strings.SplitSeq(value, ",") {
				x.expects = x.expects || grammar.IsWord(grammar.Trim(word), "100-continue")
			}
		}
		if !x.expects && expected[0] != "" {
			return unexpectable
		}
	}
	return nil
}

// announce makes room for the trailers that the header names.
func (x *exchange) announce(values []string) bool {
	trailer := make(http.Header)
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			if name = grammar.Trim(name); name == "" {
				continue
			}
			key := http.CanonicalHeaderKey(name)
			switch key {
			case "Transfer-Encoding", "Trailer", "Content-Length":
				return false
			}
			trailer[key] = nil
		}
	}
	if len(trailer) > 0 {
		x.request.Trailer = trailer
	}
	return true
}
