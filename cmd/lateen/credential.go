package main

import (
	"errors"
	"strings"

	"github.com/lateengo/gateway"
)

// A credential is what a credentialName names, of servers and of TLS to
// destinations alike, as a secret of a cluster is both.
type credential struct {
	name string
	gateway.Credential
}

func (c *configuration) addCredential(text string) error {
	name, list, ok := strings.Cut(text, "=")
	files := strings.Split(list, ",")
	if !ok || name == "" || len(files) < 2 || len(files) > 5 {
		return errors.New("NAME=CERT,KEY[,CA[,CRL[,OCSP]]] is expected")
	}
	files = append(files, "", "", "")
	c.credentials = append(c.credentials, credential{name, gateway.Credential{
		CertificateFile: files[0], KeyFile: files[1], CAFile: files[2], CRLFile: files[3], OCSPStapleFile: files[4],
	}})
	return nil
}

// serverCredentials returns the credentials of servers by name.
func (c *configuration) serverCredentials() map[string]gateway.Credential {
	out := make(map[string]gateway.Credential, len(c.credentials))
	for i := range c.credentials {
		out[c.credentials[i].name] = c.credentials[i].Credential
	}
	return out
}
