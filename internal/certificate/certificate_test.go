package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func issue(t *testing.T, template x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(1)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

func TestDateProblem(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 30, 0, 0, time.UTC) }
	c := issue(t, x509.Certificate{NotBefore: day(2), NotAfter: day(4)})
	for now, want := range map[time.Time]string{
		day(2).Add(-time.Second): "the certificate is not valid before 2026-03-02 12:30 UTC",
		day(2):                   "",
		day(3):                   "",
		day(4):                   "",
		day(4).Add(time.Second):  "the certificate expired at 2026-03-04 12:30 UTC",
	} {
		require.Equal(t, want, DateProblem(c, now), now)
	}
}

func TestHostProblem(t *testing.T) {
	named := func(names ...string) *x509.Certificate { return issue(t, x509.Certificate{DNSNames: names}) }
	ip := issue(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}})
	for _, row := range []struct {
		name  string
		shown []*x509.Certificate
		hosts []string
		want  string
	}{
		{"its name", []*x509.Certificate{named("a.test")}, []string{"a.test"}, ""},
		{"in other letters", []*x509.Certificate{named("A.test")}, []string{"a.TEST"}, ""},
		{"with a namespace", []*x509.Certificate{named("a.test")}, []string{"shop/a.test"}, ""},
		{"another name", []*x509.Certificate{named("a.test")}, []string{"b.test"}, "the certificate has no name for b.test: it has the names a.test"},
		{"a part", []*x509.Certificate{named("a.test")}, []string{"x.a.test"}, "the certificate has no name for x.a.test: it has the names a.test"},
		{"a wildcard", []*x509.Certificate{named("*.a.test")}, []string{"x.a.test", "*.a.test"}, ""},
		{"below a wildcard", []*x509.Certificate{named("*.a.test")}, []string{"x.y.a.test"}, "the certificate has no name for x.y.a.test: it has the names *.a.test"},
		{"a name of a wildcard", []*x509.Certificate{named("x.a.test")}, []string{"*.a.test"}, "the certificate has no name for *.a.test: it has the names x.a.test"},
		{"the name that stands for all", []*x509.Certificate{named("any.a.test")}, []string{"*.a.test"}, "the certificate has no name for *.a.test: it has the names any.a.test"},
		{"every host", []*x509.Certificate{named("a.test")}, []string{"*", "shop/*"}, ""},
		{"two certificates", []*x509.Certificate{named("a.test"), named("b.test")}, []string{"a.test", "b.test"}, ""},
		{"an address", []*x509.Certificate{ip}, []string{"a.test"}, "the certificate has no name for a.test: it has the names 10.0.0.1"},
		{"no name", []*x509.Certificate{named()}, []string{"a.test"}, "the certificate has no name for a.test: it has no name"},
		{"no certificate", nil, []string{"a.test"}, ""},
		{"many names", []*x509.Certificate{named("a", "b", "c", "d", "e", "f", "g")}, []string{"a.test"}, "the certificate has no name for a.test: it has the names a, b, c, d, e and 2 more"},
	} {
		require.Equal(t, row.want, HostProblem(row.shown, row.hosts), row.name)
	}
}
