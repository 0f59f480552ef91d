package server

// An Engine is a server of HTTP/1.0 and HTTP/1.1. HTTP/2 is always served by net/http.
type Engine uint8

const (
	// EngineLateen is Lateen's own server, which is the default. It accepts only
	// strictly correct requests, calls the handler in the goroutine that reads the
	// request, and holds no buffers for idle connections.
	EngineLateen Engine = iota
	// EngineNetHTTP is net/http's server behind Guard, which refuses what docs/semantics.md
	// lists.
	EngineNetHTTP
)

// defaultEngine is what the zero Engine means. Tests change it.
var defaultEngine = EngineLateen
