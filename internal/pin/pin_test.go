package pin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/pin"
	"github.com/lateengo/gateway/internal/testca"
)

func TestParse(t *testing.T) {
	digest := pin.Digest(sha256.Sum256([]byte("certificate")))
	base, digits := base64.StdEncoding.EncodeToString(digest[:]), hex.EncodeToString(digest[:])
	var pairs []string
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	colons := strings.Join(pairs, ":")
	for _, row := range []struct {
		name       string
		text       string
		spki, hash bool
	}{
		{"base64", base, true, false},
		{"base64 without padding", strings.TrimRight(base, "="), false, false},
		{"base64 for URLs", strings.Repeat("-_", 21) + "8=", false, false},
		{"base64 with bits beyond the end", base[:42] + "9=", false, false},
		{"base64 over two lines", base[:21] + "\n" + base[21:], false, false},
		{"base64 of less, and an end of line", base64.StdEncoding.EncodeToString(digest[:30]) + "\r\n\r\n", false, false},
		{"base64 of one byte less", base64.StdEncoding.EncodeToString(digest[:31]), false, false},
		{"base64 of one byte more", base64.StdEncoding.EncodeToString(append(digest[:], 0)), false, false},
		{"hexadecimal", digits, false, true},
		{"hexadecimal in capitals", strings.ToUpper(digits), false, true},
		{"hexadecimal with colons", colons, false, true},
		{"hexadecimal in capitals with colons", strings.ToUpper(colons), false, true},
		{"hexadecimal with other marks", strings.ReplaceAll(colons, ":", "-"), false, false},
		{"hexadecimal with some colons", strings.Replace(colons, ":", "", 1), false, false},
		{"a digit less", digits[1:], false, false},
		{"a digit more", digits + "0", false, false},
		{"no digit", "g" + digits[1:], false, false},
		{"nothing", "", false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			spki, err := pin.ParseSPKI(row.text)
			require.Equal(t, row.spki, err == nil)
			require.Equal(t, row.spki, spki == digest)
			hash, err := pin.ParseHash(row.text)
			require.Equal(t, row.hash, err == nil)
			require.Equal(t, row.hash, hash == digest)
		})
	}
}

func TestMatch(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	one, other := root.Certify(t, "one", 2, 0).Cert, root.Certify(t, "other", 3, 0).Cert
	digest := func(of []byte) []pin.Digest { return []pin.Digest{sha256.Sum256(of)} }
	for _, row := range []struct {
		name string
		pins pin.Pins
		any  bool
		want bool
	}{
		{"none", pin.Pins{}, false, false},
		{"its key", pin.Pins{SPKI: digest(one.RawSubjectPublicKeyInfo)}, true, true},
		{"its hash", pin.Pins{Hash: digest(one.Raw)}, true, true},
		{"another's key", pin.Pins{SPKI: digest(other.RawSubjectPublicKeyInfo)}, true, false},
		{"another's hash", pin.Pins{Hash: digest(other.Raw)}, true, false},
		{"its key, and another's hash", pin.Pins{SPKI: digest(one.RawSubjectPublicKeyInfo), Hash: digest(other.Raw)}, true, true},
		{"another's key, and its hash", pin.Pins{SPKI: digest(other.RawSubjectPublicKeyInfo), Hash: digest(one.Raw)}, true, true},
		{"its hash as a key", pin.Pins{SPKI: digest(one.Raw)}, true, false},
		{"its key as a hash", pin.Pins{Hash: digest(one.RawSubjectPublicKeyInfo)}, true, false},
		{"the second of two", pin.Pins{Hash: append(digest(other.Raw), digest(one.Raw)...)}, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.any, row.pins.Any())
			require.Equal(t, row.want, row.pins.Match(one))
		})
	}
}
