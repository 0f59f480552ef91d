package istio

import (
	"cmp"
	"encoding/base64"
	"time"

	"github.com/lateengo/gateway/spec"
)

// noTime is the age of what has none.
var noTime time.Time

// writeSecrets writes the credentials: without the option only their names.
func (w *writer) writeSecrets() {
	for i := range w.declared.Credentials {
		c := &w.declared.Credentials[i]
		if !w.options.Secrets {
			w.ownedByCluster(c.Origin, "Secret", cmp.Or(c.Namespace, w.options.Namespace), c.Name, "it has a private key. The gateway's namespace on the cluster needs a Secret of this name")
			continue
		}
		w.secret(c)
	}
}

func (w *writer) secret(c *spec.Credential) {
	doc := w.document(c.Origin, "v1", "Secret", c.Namespace, c.Name, noTime)
	data := objectValue()
	add := func(key string, p spec.PEM) {
		if p.IsZero() {
			return
		}
		contents, err := p.Bytes()
		if err != nil {
			w.lost(doc, "data["+key+"]", err.Error())
			return
		}
		data.set(key, &value{form: text, scalar: base64.StdEncoding.EncodeToString(contents)})
	}
	add("ca.crl", c.CRL)
	add("tls.ocsp-staple", c.OCSPStaple)
	add("ca.crt", c.CACertificates)
	add("tls.crt", c.Certificate)
	add("tls.key", c.Key)
	if len(data.keys) == 0 {
		doc.content = nil
		return
	}
	kind := "Opaque"
	if !c.Certificate.IsZero() && !c.Key.IsZero() {
		kind = "kubernetes.io/tls"
	}
	doc.content.set("type", textValue(kind)).set("data", data)
}
