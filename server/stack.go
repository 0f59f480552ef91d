package server

// stackNeed is how much stack most requests need, in bytes.
const stackNeed = 3 << 10

// growStack makes the goroutine's stack large enough for most requests. Over HTTP/2
// each request has a new goroutine, whose stack is copied frame by frame when it
// has to grow: there are few frames at the beginning, and more than twenty where a
// request is sent on.
//
//go:noinline
func growStack(at int) byte {
	var room [stackNeed]byte
	return room[at%stackNeed]
}
