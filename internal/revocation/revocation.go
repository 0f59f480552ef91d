// Package revocation checks certificate chains against lists of revoked
// certificates (RFC 5280), as Envoy does.
package revocation

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// removeFromCRL is the reason code of an entry that cancels another one.
const removeFromCRL = 8

// Lists hold the certificates that their issuers have revoked. They are safe
// for concurrent use. Without lists, no certificate is covered, so no chain is
// valid.
type Lists []*list

// A list is a revocation list whose entries are found by serial number.
type list struct {
	*x509.RevocationList
	partial bool
	serials map[string]bool
	// signer is an issuer with which the list's signature has been verified.
	// That takes longer for longer lists.
	signer atomic.Pointer[x509.Certificate]
}

// Parse returns the lists in a PEM text, which may also contain other blocks. A
// text without any list is an error, because its purpose is to revoke
// something.
func Parse(text []byte) (lists []*x509.RevocationList, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			continue
		}
		l, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, err
		}
		lists = append(lists, l)
	}
	if len(lists) == 0 {
		return nil, errors.New("it holds no list of revoked certificates in PEM form")
	}
	return lists, nil
}

// partial reports whether a list does not apply to all of its issuer's
// certificates, or applies also to another's. A critical extension of the list
// or of an entry shows that.
func partial(l *x509.RevocationList) bool {
	critical := func(e pkix.Extension) bool { return e.Critical }
	return slices.ContainsFunc(l.Extensions, critical) ||
		slices.ContainsFunc(l.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return slices.ContainsFunc(e.Extensions, critical) })
}

// New prepares lists for checks.
func New(lists []*x509.RevocationList) Lists {
	all := make(Lists, len(lists))
	for i, l := range lists {
		all[i] = &list{RevocationList: l, partial: partial(l), serials: make(map[string]bool, len(l.RevokedCertificateEntries))}
		for j := range l.RevokedCertificateEntries {
			e := &l.RevokedCertificateEntries[j]
			all[i].serials[string(e.SerialNumber.Bytes())] = e.ReasonCode != removeFromCRL
		}
	}
	return all
}

// Check returns nil if one of the chains is valid now: each of its certificates
// is covered by its issuer's list, and not in it. The root is covered by its
// own list, as in Envoy, which sets X509_V_FLAG_CRL_CHECK_ALL.
func (r Lists) Check(chains [][]*x509.Certificate, now time.Time) error {
	err := errors.New("no certificate was verified")
	for _, chain := range chains {
		if err = r.checkChain(chain, now); err == nil {
			return nil
		}
	}
	return err
}

func (r Lists) checkChain(chain []*x509.Certificate, now time.Time) error {
	for i, c := range chain {
		issuer := c
		if i+1 < len(chain) {
			issuer = chain[i+1]
		}
		if err := r.checkCertificate(c, issuer, now); err != nil {
			return err
		}
	}
	return nil
}

// checkCertificate checks the newest of an issuer's lists that are in force.
func (r Lists) checkCertificate(c, issuer *x509.Certificate, now time.Time) error {
	if !bytes.Equal(c.RawIssuer, issuer.RawSubject) {
		return fmt.Errorf("the list of revoked certificates of %q cannot be verified without its certificate", c.Issuer)
	}
	var newest *list
	problem := errors.New("there is none")
	for _, l := range r {
		if !bytes.Equal(l.RawIssuer, issuer.RawSubject) {
			continue
		}
		switch err := l.verify(issuer); {
		case err != nil:
			problem = err
		case l.partial:
			problem = errors.New("it has a critical extension")
		case now.Before(l.ThisUpdate):
			problem = fmt.Errorf("it is valid from %v", l.ThisUpdate)
		case !l.NextUpdate.IsZero() && now.After(l.NextUpdate):
			problem = fmt.Errorf("it was valid until %v", l.NextUpdate)
		case newest == nil || newest.ThisUpdate.Before(l.ThisUpdate):
			newest = l
		}
	}
	switch {
	case newest == nil:
		return fmt.Errorf("the list of revoked certificates of %q: %w", c.Issuer, problem)
	case newest.serials[string(c.SerialNumber.Bytes())]:
		return fmt.Errorf("the certificate of %q is revoked", c.Subject)
	}
	return nil
}

// verify verifies that issuer has signed the list, and is allowed to.
func (l *list) verify(issuer *x509.Certificate) error {
	if signer := l.signer.Load(); signer != nil && signer.Equal(issuer) {
		return nil
	}
	if err := l.CheckSignatureFrom(issuer); err != nil {
		return err
	}
	l.signer.Store(issuer)
	return nil
}
