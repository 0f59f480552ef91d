// Package pin recognizes certificates by declared digests, as Envoy's
// verify_certificate_spki and verify_certificate_hash do.
package pin

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// A Digest is a SHA-256 digest.
type Digest [sha256.Size]byte

// Pins define the accepted certificates: those with one of the digests.
type Pins struct {
	// SPKI are digests of the subject public key info, Hash are digests of
	// whole certificates.
	SPKI, Hash []Digest
}

// Any reports whether there are pins to check.
func (p *Pins) Any() bool { return len(p.SPKI) > 0 || len(p.Hash) > 0 }

// Match reports whether one of the digests is c's, of either kind.
func (p *Pins) Match(c *x509.Certificate) bool {
	return slices.Contains(p.SPKI, sha256.Sum256(c.RawSubjectPublicKeyInfo)) || slices.Contains(p.Hash, sha256.Sum256(c.Raw))
}

// ParseSPKI reads the digest of a subject public key info, in base64 with
// padding.
func ParseSPKI(text string) (d Digest, err error) {
	// The decoder would ignore line ends.
	if len(text) != base64.StdEncoding.EncodedLen(len(d)) {
		return d, errNotSPKI
	}
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) != len(d) {
		return d, errNotSPKI
	}
	return Digest(bytes), nil
}

// withColons is the length of a digest in hexadecimal with a colon between bytes.
const withColons = 3*sha256.Size - 1

// ParseHash reads the digest of a certificate, in hexadecimal with or without a
// colon between bytes.
func ParseHash(text string) (d Digest, err error) {
	if len(text) == withColons {
		text = strings.ReplaceAll(text, ":", "")
	}
	if len(text) != hex.EncodedLen(len(d)) {
		return d, errNotHash
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, errNotHash
	}
	return d, nil
}

var (
	errNotSPKI = errors.New("it is not a SHA-256 in base64, 44 characters long")
	errNotHash = errors.New("it is not a SHA-256 in hexadecimal, 64 digits long")
)
