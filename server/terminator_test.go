package server

import (
	"reflect"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// Servers with any difference do not share their settings.
func TestTermsHaveEveryField(t *testing.T) {
	seen := map[string]string{termsOf(&spec.ServerTLS{}): "none"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[spec.ServerTLS]()) {
		if f.Name == "HTTPSRedirect" {
			continue
		}
		var s spec.ServerTLS
		v := reflect.ValueOf(&s).Elem().FieldByIndex(f.Index)
		switch v.Interface().(type) {
		case string, spec.TLSVersion:
			v.SetString("x")
		case []string:
			v.Set(reflect.ValueOf([]string{"x"}))
		case spec.TLSMode:
			v.Set(reflect.ValueOf(spec.TLSSimple))
		case []spec.TLSCertificate:
			v.Set(reflect.ValueOf([]spec.TLSCertificate{{ServerCertificate: "x"}}))
			seen[termsOf(&spec.ServerTLS{TLSCertificates: []spec.TLSCertificate{{PrivateKey: "x"}}})] = "a key"
		default:
			t.Fatalf("%s is a %s", f.Name, f.Type)
		}
		terms := termsOf(&s)
		require.NotContains(t, seen, terms, "%s says nothing", f.Name)
		seen[terms] = f.Name
	}
}
