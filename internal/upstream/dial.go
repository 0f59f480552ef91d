package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/revocation"
)

// dialer returns the Dial to use if none is configured.
func (c *Config) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	d := new(net.Dialer)
	if c.KeepAlive != nil {
		d.KeepAliveConfig = *c.KeepAlive
		if !c.KeepAlive.Enable {
			d.KeepAlive = -1
		}
	}
	return d.DialContext
}

// A purpose is what a connection to a host is for. Only requests with the same
// purpose share connections.
type purpose struct {
	// server is the name of the server, if it depends on the request.
	server string
	// header is sent at the beginning of the connection, or is "".
	header string
}

// purposeOf returns what a connection for r is for.
func (c *Config) purposeOf(r *http.Request) (p purpose) {
	if c.TLS != nil && c.TLS.ServerName == "" {
		p.server = serverName(r.Host)
	}
	p.header = c.ProxyProtocol.header(r)
	return p
}

// name returns a string that is equal only for equal purposes: the end of a
// header is unambiguous.
func (p *purpose) name() string { return p.header + p.server }

// connect connects to h within a time, and does the handshake if there is TLS.
func (c *Config) connect(ctx context.Context, h *host, p *purpose, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	a := h.address.Load()
	conn, err := c.Dial(ctx, a.network, a.address)
	if err != nil {
		return nil, &dialError{timedOut(ctx, err)}
	}
	if p.header != "" {
		if _, err := io.WriteString(conn, p.header); err != nil {
			conn.Close()
			return nil, &dialError{err}
		}
	}
	if c.TLS == nil {
		return conn, nil
	}
	return c.shakeHands(ctx, conn, p.server)
}

// shakeHands returns a TLS connection, or closes plain. server is its name if
// the configuration has none.
func (c *Config) shakeHands(ctx context.Context, plain net.Conn, server string) (net.Conn, error) {
	config := c.TLS
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = server
	}
	conn := tls.Client(plain, config)
	err := conn.HandshakeContext(ctx)
	if err == nil && c.Protocol == HTTP2 && conn.ConnectionState().NegotiatedProtocol != "h2" {
		err = errors.New("the backend does not agree to HTTP/2")
	}
	if err != nil {
		plain.Close()
		return nil, &dialError{&handshakeError{timedOut(ctx, err)}}
	}
	return conn, nil
}

// over returns the Config for connections that speak protocol.
func (c *Config) over(protocol Protocol) *Config {
	fixed := *c
	fixed.Protocol = protocol
	if fixed.TLS != nil {
		fixed.TLS = fixed.TLS.Clone()
		fixed.TLS.NextProtos = nil
		if protocol == HTTP2 {
			fixed.TLS.NextProtos = []string{"h2"}
		}
	}
	return &fixed
}

// setVerification makes c.TLS verify certificates as c requires.
func (c *Config) setVerification() {
	c.TLS = c.TLS.Clone()
	ownNames := !c.AnyName && len(c.SubjectAltNames) == 0
	if c.TLS.InsecureSkipVerify || ownNames && len(c.CRLs) == 0 {
		return
	}
	// crypto/tls cannot verify only the chain.
	c.TLS.InsecureSkipVerify = !ownNames
	roots, now, names, more := c.TLS.RootCAs, c.TLS.Time, slices.Clone(c.SubjectAltNames), c.TLS.VerifyConnection
	if now == nil {
		now = time.Now
	}
	revoked := revocation.New(c.CRLs)
	c.TLS.VerifyConnection = func(state tls.ConnectionState) error {
		chains := state.VerifiedChains
		var err error
		if !ownNames {
			options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now()}
			for _, certificate := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(certificate)
			}
			leaf := state.PeerCertificates[0]
			chains, err = leaf.Verify(options)
			if err == nil && len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return isNamed(leaf, name) }) {
				err = fmt.Errorf("the certificate has none of the names %q", names)
			}
		}
		if err == nil && len(revoked) > 0 {
			err = revoked.Check(chains, now())
		}
		if err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		if more != nil {
			return more(state)
		}
		return nil
	}
}

// isNamed reports whether name is a subject alternative name of a certificate.
// As in Envoy, a DNS name in a certificate may be a wildcard.
func isNamed(certificate *x509.Certificate, name string) bool {
	if certificate.VerifyHostname(name) == nil || slices.Contains(certificate.EmailAddresses, name) {
		return true
	}
	for _, uri := range certificate.URIs {
		if uri.String() == name {
			return true
		}
	}
	return false
}

// A handshakeError is a failure to begin TLS.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// timedOut returns ctx's error if it is the reason for err.
func timedOut(ctx context.Context, err error) error {
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}

// serverName returns the host in an authority.
func serverName(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return strings.Trim(authority, "[]")
}
