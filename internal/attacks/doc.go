// Package attacks contains only tests. They send the requests in cases/*.txt, byte by byte and
// frame by frame, to the servers that can stand in front of a gateway, with a backend behind
// it that accepts only what is strictly correct.
//
// A hostile request does no harm if the server refuses it, or if it reaches the backend as
// exactly one well-formed request that means what the gateway has decided about. A request that
// is legal must reach the backend as it was sent, however odd it is.
//
// A file of cases has comments with "#", and cases like these:
//
//	must refused | a length beside chunks | RFC 9112, 6.1
//	    POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n
//	    Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n
//
//	legal | an extension of a chunk | RFC 9112, 7.1.1
//	    POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n
//	    => POST /x a.test x
//
// The first line has the level, what is wanted, a name, and the rule. The levels are:
//
//   - must: without it, somebody gets past the gateway's decision, or takes its service away.
//   - should: without it, a backend that is careless may be deceived.
//   - legal: must pass.
//
// What is wanted of a hostile request is "refused", which may have a status; "safe", as above; or
// "without NAME", which means that the header may not arrive.
//
// The lines that follow are joined. They are bytes with the escapes \r, \n, \t, \0, \s (a space),
// \\, \xHH, and \{TEXT*N} for N times TEXT. In files whose names begin with h2 each line is a
// frame instead: its kind, flags ("end", "more" for a header block that goes on, "xN" for N
// times), and for HEADERS and CONTINUATION the fields as NAME=VALUE, and for other frames bytes.
//
// The lines with "=>" are the request that arrives, if one does: method, target, host and body.
// The header fields that follow it are in the request as well.
package attacks
