package main

import (
	"testing"

	"github.com/lateengo/gateway"
	"github.com/stretchr/testify/require"
)

func TestCredentialFlag(t *testing.T) {
	for _, row := range []struct {
		text string
		want *gateway.Credential
	}{
		{"n=c,k", &gateway.Credential{CertificateFile: "c", KeyFile: "k"}},
		{"n=c,k,a", &gateway.Credential{CertificateFile: "c", KeyFile: "k", CAFile: "a"}},
		{"n=c,k,a,l", &gateway.Credential{CertificateFile: "c", KeyFile: "k", CAFile: "a", CRLFile: "l"}},
		{"n=,,a", &gateway.Credential{CAFile: "a"}},
		{"n=c", nil},
		{"n=c,k,,,o", &gateway.Credential{CertificateFile: "c", KeyFile: "k", OCSPStapleFile: "o"}},
		{"n=c,k,a,l,o,x", nil},
		{"=c,k", nil},
		{"n", nil},
	} {
		t.Run(row.text, func(t *testing.T) {
			var c configuration
			err := c.addCredential(row.text)
			if row.want == nil {
				require.EqualError(t, err, "NAME=CERT,KEY[,CA[,CRL[,OCSP]]] is expected")
				return
			}
			require.NoError(t, err)
			require.Equal(t, map[string]gateway.Credential{"n": *row.want}, c.serverCredentials())
		})
	}
}
