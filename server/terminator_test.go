package server

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
)

// Servers that differ in anything do not share their settings.
func TestTermsHaveEveryField(t *testing.T) {
	seen := map[string]string{termsOf(&gateway.ServerTLS{}): "none"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[gateway.ServerTLS]()) {
		if f.Name == "HTTPSRedirect" {
			continue
		}
		var s gateway.ServerTLS
		v := reflect.ValueOf(&s).Elem().FieldByIndex(f.Index)
		switch v.Interface().(type) {
		case string:
			v.SetString("x")
		case []string:
			v.Set(reflect.ValueOf([]string{"x"}))
		case gateway.TLSMode:
			v.Set(reflect.ValueOf(gateway.TLSSimple))
		case []gateway.TLSCertificate:
			v.Set(reflect.ValueOf([]gateway.TLSCertificate{{ServerCertificate: "x"}}))
			seen[termsOf(&gateway.ServerTLS{TLSCertificates: []gateway.TLSCertificate{{PrivateKey: "x"}}})] = "a key"
		default:
			t.Fatalf("%s is a %s", f.Name, f.Type)
		}
		terms := termsOf(&s)
		require.NotContains(t, seen, terms, "%s says nothing", f.Name)
		seen[terms] = f.Name
	}
}
