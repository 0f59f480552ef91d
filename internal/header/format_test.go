package header

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseFormatRefuses(t *testing.T) {
	for _, row := range []struct{ value, problem, suggestion string }{
		{"100%", `the % in "%" begins no operator; a percent sign is written %%`, ""},
		{"%REQ(X)", `the % in "%REQ(X)" begins no operator; a percent sign is written %%`, ""},
		{"%REQ(X%", `the % in "%REQ(X%" begins no operator; a percent sign is written %%`, ""},
		{"%REQ(X):a%", `the % in "%REQ(X):a%" begins no operator; a percent sign is written %%`, ""},
		{"%req(x)%", `the % in "%req(x)%" begins no operator; a percent sign is written %%`, ""},
		{"a % b %PROTOCOL%", `the % in "% b %PROTOCOL%" begins no operator; a percent sign is written %%`, ""},
		{"%PROTOCL%", "there is no operator %PROTOCL%", "PROTOCOL"},
		{"%DOWNSTREAM_PEER_SUBJCT%", "there is no operator %DOWNSTREAM_PEER_SUBJCT%", "DOWNSTREAM_PEER_SUBJECT"},
		{"%XYZZY%", "there is no operator %XYZZY%", ""},
		{"%REQ%", "the operator %REQ% needs an argument in parentheses", ""},
		{"%PROTOCOL(x)%", "the operator %PROTOCOL% takes no argument", ""},
		{"%HOSTNAME(x)%", "the operator %HOSTNAME% takes no argument", ""},
		{"%REQ()%", "%REQ()% names no header", ""},
		{"%REQ(?X)%", "%REQ()% names no header", ""},
		{"%REQ(A?B?C)%", "%REQ(A?B?C)% names more than one alternative", ""},
		{"%RESP()%", "%RESP()% names no header", ""},
		{"%ENVIRONMENT()%", "%ENVIRONMENT()% names no variable", ""},
		{"%PATH(X)%", "%PATH(X)% is neither PATH(WQ), with query, nor PATH(NQ), without", ""},
		{"%CONNECTION_ID%", "the operator %CONNECTION_ID% is not executed", ""},
		{"%DYNAMIC_METADATA(a:b)%", "the operator %DYNAMIC_METADATA% is not executed", ""},
		{"a\r\nb", `the value "a\r\nb" holds a control character`, ""},
		{"a\x00", `the value "a\x00" holds a control character`, ""},
	} {
		_, err := ParseFormat(row.value)
		require.NotNil(t, err, row.value)
		require.Equal(t, row.problem, err.Problem, row.value)
		require.Equal(t, row.suggestion, err.Suggestion, row.value)
	}
}

func TestCipherName(t *testing.T) {
	for suite, want := range map[uint16]string{
		tls.TLS_AES_128_GCM_SHA256:                        "TLS_AES_128_GCM_SHA256",
		tls.TLS_CHACHA20_POLY1305_SHA256:                  "TLS_CHACHA20_POLY1305_SHA256",
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         "ECDHE-RSA-AES128-GCM-SHA256",
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       "ECDHE-ECDSA-AES256-GCM-SHA384",
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   "ECDHE-RSA-CHACHA20-POLY1305",
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:            "ECDHE-RSA-AES128-SHA",
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          "ECDHE-ECDSA-AES256-SHA",
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256:               "AES128-GCM-SHA256",
		tls.TLS_RSA_WITH_AES_256_CBC_SHA:                  "AES256-SHA",
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:                 "DES-CBC3-SHA",
	} {
		require.Equal(t, want, cipherName(suite))
	}
}
