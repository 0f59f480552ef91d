package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// options are what a program is compiled with beside the declarations.
type options struct {
	backends  []backend
	limiters  map[string]Limiter
	semantics semanticsMode
	paths     spec.PathNormalization
	trusted   int
	// namespace is that of declarations and backends which name none.
	namespace string
	workload  workload
	locality  string
	log       *slog.Logger
	fallback  http.Handler
	random    func() uint64
	resolver  Resolver
	transport upstream.Transport
	// credentials are those of TLS to destinations.
	credentials map[string]Credential
	discoveries map[string]Discovery
}

// defaultNamespace is where declarations and backends are that name none.
const defaultNamespace = "default"

// defaultOptions are those of a new Builder.
func defaultOptions() options {
	return options{
		namespace: defaultNamespace,
		workload:  workload{namespace: rootNamespace},
		limiters:  map[string]Limiter{},
		log:       slog.New(slog.DiscardHandler),
		random:    defaultRandom,
	}
}

// defaultRandom is safe for concurrent use and takes no lock.
func defaultRandom() uint64 { return rand.Uint64() }

// A Credential is what TLS to a destination may need, by the name that
// ClientTLS.CredentialName gives.
type Credential struct {
	// Certificate is shown with MUTUAL. Nil shows none.
	Certificate *tls.Certificate
	// CAs are trusted. Nil is those of the operating system.
	CAs *x509.CertPool
}

// A Resolver looks host names up. *net.Resolver is one. If it is also an
// upstream.Answerer, its answers count as long as they say they hold.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}
