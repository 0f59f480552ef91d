package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
)

// A credential is what a credentialName stands for, of servers and of TLS to
// destinations alike, as a secret of a cluster is both.
type credential struct {
	name string
	server.Credential
}

func (c *configuration) addCredential(text string) error {
	name, list, ok := strings.Cut(text, "=")
	files := strings.Split(list, ",")
	if !ok || name == "" || len(files) < 2 || len(files) > 4 {
		return errors.New("NAME=CERT,KEY[,CA[,CRL]] is expected")
	}
	files = append(files, "", "")
	c.credentials = append(c.credentials, credential{name, server.Credential{
		CertificateFile: files[0], KeyFile: files[1], CAFile: files[2], CRLFile: files[3],
	}})
	return nil
}

// toDestinations reads the credential for TLS to destinations.
func (c *credential) toDestinations() (gateway.Credential, error) {
	if c.CRLFile != "" {
		return gateway.Credential{}, errors.New("its lists of revoked certificates are about clients")
	}
	var out gateway.Credential
	if c.CertificateFile != "" || c.KeyFile != "" || c.CAFile == "" {
		pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
		if err != nil {
			return gateway.Credential{}, err
		}
		out.Certificate = &pair
	}
	if c.CAFile == "" {
		return out, nil
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return gateway.Credential{}, err
	}
	out.CAs = x509.NewCertPool()
	if !out.CAs.AppendCertsFromPEM(text) {
		return gateway.Credential{}, fmt.Errorf("%s holds no certificate in PEM form", c.CAFile)
	}
	return out, nil
}

// serverCredentials returns the credentials of servers by name.
func (c *configuration) serverCredentials() map[string]server.Credential {
	out := make(map[string]server.Credential, len(c.credentials))
	for i := range c.credentials {
		out[c.credentials[i].name] = c.credentials[i].Credential
	}
	return out
}
