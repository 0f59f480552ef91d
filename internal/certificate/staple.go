package certificate

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// The parts of an OCSP response (RFC 6960, section 4.2.1) that a server reads.
type (
	ocspResponse struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type     asn1.ObjectIdentifier
			Response []byte
		} `asn1:"explicit,tag:0,optional"`
	}
	basicResponse struct {
		Data      responseData
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
		Rest      asn1.RawValue `asn1:"optional"`
	}
	responseData struct {
		Version   int `asn1:"optional,default:0,explicit,tag:0"`
		Responder asn1.RawValue
		Produced  time.Time `asn1:"generalized"`
		Responses []singleResponse
		Rest      asn1.RawValue `asn1:"optional"`
	}
	singleResponse struct {
		ID struct {
			Hash   pkix.AlgorithmIdentifier
			Name   []byte
			Key    []byte
			Serial *big.Int
		}
		Status     asn1.RawValue
		ThisUpdate time.Time     `asn1:"generalized"`
		NextUpdate time.Time     `asn1:"generalized,explicit,tag:0,optional"`
		Rest       asn1.RawValue `asn1:"optional"`
	}
)

var basicType = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}

// CheckStaple returns why an OCSP response cannot be stapled to a certificate now, or nil. It
// does not verify the signature: the client does.
func CheckStaple(text []byte, leaf *x509.Certificate, now time.Time) error {
	var outer ocspResponse
	if rest, err := asn1.Unmarshal(text, &outer); err != nil || len(rest) > 0 {
		return errors.New("it is not an OCSP response in DER form")
	}
	if outer.Status != 0 || !outer.Bytes.Type.Equal(basicType) {
		return fmt.Errorf("it is an OCSP response without an answer: its status is %d", outer.Status)
	}
	var basic basicResponse
	if rest, err := asn1.Unmarshal(outer.Bytes.Response, &basic); err != nil || len(rest) > 0 {
		return errors.New("its answer is not in the form of RFC 6960")
	}
	for i := range basic.Data.Responses {
		r := &basic.Data.Responses[i]
		if r.ID.Serial == nil || !bytes.Equal(r.ID.Serial.Bytes(), leaf.SerialNumber.Bytes()) {
			continue
		}
		switch {
		case r.Status.Tag != 0:
			return errors.New("it says that the certificate is not good")
		case now.Before(r.ThisUpdate):
			return fmt.Errorf("it is not valid before %s", r.ThisUpdate.UTC().Format(day))
		case !r.NextUpdate.IsZero() && now.After(r.NextUpdate):
			return fmt.Errorf("it expired at %s", r.NextUpdate.UTC().Format(day))
		}
		return nil
	}
	return errors.New("it is about another certificate")
}
