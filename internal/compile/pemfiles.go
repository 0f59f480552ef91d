package compile

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/lateengo/gateway/internal/revocation"
)

// PEMFiles are the PEM files that a build has read. Each is read once, so that all
// destinations with the same file get the same contents. The zero value has no
// files.
type PEMFiles map[string]pemFile

type pemFile struct {
	text []byte
	err  error
}

func (f *PEMFiles) read(path string) ([]byte, error) {
	file, ok := (*f)[path]
	if !ok {
		file.text, file.err = os.ReadFile(path)
		if *f == nil {
			*f = make(PEMFiles)
		}
		(*f)[path] = file
	}
	return file.text, file.err
}

// Authorities returns the certificates in a file, and its text.
func (f *PEMFiles) Authorities(path string) (*x509.CertPool, []byte, error) {
	text, err := f.read(path)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, nil, fmt.Errorf("%s contains no PEM certificate", path)
	}
	return pool, text, nil
}

// RevocationLists returns the lists of revoked certificates in a file, and its
// text.
func (f *PEMFiles) RevocationLists(path string) (lists []*x509.RevocationList, text []byte, err error) {
	if text, err = f.read(path); err != nil {
		return nil, nil, err
	}
	if lists, err = revocation.Parse(text); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return lists, text, nil
}

// certificate returns a certificate and its key, which are in two files.
func (f *PEMFiles) certificate(certificate, key string) (tls.Certificate, error) {
	certificateText, err := f.read(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyText, err := f.read(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certificateText, keyText)
}
