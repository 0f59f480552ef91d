package istio

import (
	"github.com/lateengo/gateway/spec"
)

// secret reads a Secret with at least one of the keys that Istio uses. The data are not
// decoded here: only those of a Secret that is named are. No finding is about a Secret
// before that, because its fields may have any contents.
func (l *loader) secret(r *reader, v *value) bool {
	if r.origin.Name == "" {
		return false
	}
	c := spec.Credential{Name: r.origin.Name, Namespace: r.origin.Namespace, Origin: r.origin}
	first := func(keys ...string) (p spec.PEM) {
		for _, key := range keys {
			if p = pemOf(v, key); !p.IsZero() {
				return p
			}
		}
		return p
	}
	c.Certificate, c.Key = pemOf(v, "cert"), pemOf(v, "key")
	if c.Certificate.IsZero() || c.Key.IsZero() {
		if certificate, key := pemOf(v, "tls.crt"), pemOf(v, "tls.key"); !certificate.IsZero() || !key.IsZero() {
			c.Certificate, c.Key = certificate, key
		}
	}
	c.CACertificates = first("cacert", "ca.crt")
	c.CRL = first("crl", "ca.crl")
	c.OCSPStaple = pemOf(v, "tls.ocsp-staple")
	if c.Certificate.IsZero() && c.Key.IsZero() && c.CACertificates.IsZero() && c.CRL.IsZero() {
		return false
	}
	l.declared.Credentials = append(l.declared.Credentials, c)
	return true
}

// pemOf returns the value of a key of a Secret. stringData comes before data.
func pemOf(v *value, key string) spec.PEM {
	for _, name := range []string{"stringData", "data"} {
		data, _ := v.field(name)
		e, _ := data.field(key)
		path := name + "[" + key + "]"
		switch {
		case e == nil || e.form == null || e.form == text && e.scalar == "":
		case e.form != text:
			return spec.NoPEMAt(path, "it is not a string")
		default:
			return spec.PEMAt(path, e.scalar, name == "data")
		}
	}
	return spec.PEM{}
}
