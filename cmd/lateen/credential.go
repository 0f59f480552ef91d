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
	if !ok || name == "" || len(files) < 2 || len(files) > 3 {
		return errors.New("NAME=CERT,KEY[,CA] is expected")
	}
	added := credential{name, server.Credential{CertificateFile: files[0], KeyFile: files[1]}}
	if len(files) == 3 {
		added.CAFile = files[2]
	}
	c.credentials = append(c.credentials, added)
	return nil
}

// toDestinations reads the credential for TLS to destinations.
func (c *credential) toDestinations() (gateway.Credential, error) {
	pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
	if err != nil {
		return gateway.Credential{}, err
	}
	out := gateway.Credential{Certificate: &pair}
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
