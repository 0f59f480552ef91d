package scan

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/server"
)

func TestSSLScan(t *testing.T) {
	sslscan := program(t, "sslscan", "apt-get install sslscan")
	_, address := serve(t, server.Config{})
	file := filepath.Join(t.TempDir(), "report.xml")
	out, err := exec.CommandContext(t.Context(), sslscan, "--no-colour", "--sni-name="+name, "--xml="+file, address).CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var report struct {
		Protocols []struct {
			Type    string `xml:"type,attr"`
			Version string `xml:"version,attr"`
			Enabled int    `xml:"enabled,attr"`
		} `xml:"ssltest>protocol"`
		Renegotiation struct {
			Supported int `xml:"supported,attr"`
		} `xml:"ssltest>renegotiation"`
		Heartbleed []struct {
			Vulnerable int `xml:"vulnerable,attr"`
		} `xml:"ssltest>heartbleed"`
		Ciphers []struct {
			Name     string `xml:"cipher,attr"`
			Version  string `xml:"sslversion,attr"`
			Strength string `xml:"strength,attr"`
		} `xml:"ssltest>cipher"`
	}
	require.NoError(t, xml.Unmarshal(text, &report))
	var enabled []string
	for _, p := range report.Protocols {
		if p.Enabled != 0 {
			enabled = append(enabled, p.Type+p.Version)
		}
	}
	require.Equal(t, []string{"tls1.2", "tls1.3"}, enabled)
	require.Contains(t, string(out), "Server supports TLS Fallback SCSV")
	require.Zero(t, report.Renegotiation.Supported)
	require.NotEmpty(t, report.Heartbleed)
	for _, h := range report.Heartbleed {
		require.Zero(t, h.Vulnerable)
	}
	require.NotEmpty(t, report.Ciphers)
	for _, c := range report.Ciphers {
		require.Contains(t, []string{"strong", "acceptable"}, c.Strength, "%s %s", c.Version, c.Name)
		require.NotContains(t, c.Name, "CBC")
		require.NotRegexp(t, "-SHA$", c.Name)
	}
}

// TestTestSSL leaves the certificate out: it has signed itself.
func TestTestSSL(t *testing.T) {
	testssl := program(t, "testssl", "apt-get install testssl.sh")
	_, address := serve(t, server.Config{})
	file := filepath.Join(t.TempDir(), "report.json")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, testssl, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--openssl-timeout", "5",
		"--jsonfile", file, "--protocols", "--standard", "--pfs", "--vulnerable", address)
	command.Dir = t.TempDir()
	out, _ := command.CombinedOutput() // it ends with the number of findings
	text, err := os.ReadFile(file)
	require.NoError(t, err, "%s", out)
	var findings []struct{ ID, Severity, Finding string }
	require.NoError(t, json.Unmarshal(text, &findings), "%s", out)
	seen := map[string]bool{}
	var bad []string
	for _, f := range findings {
		seen[f.ID] = true
		switch {
		case f.Severity == "OK", f.Severity == "INFO":
		case f.ID == "engine_problem": // it misses GOST for itself
		default:
			bad = append(bad, fmt.Sprintf("%s %s: %s", f.Severity, f.ID, f.Finding))
		}
	}
	require.Empty(t, bad, "%s", out)
	for _, id := range []string{"SSLv3", "TLS1", "TLS1_2", "TLS1_3", "heartbleed", "POODLE_SSL", "LUCKY13", "cipherlist_3DES_IDEA"} {
		require.Contains(t, seen, id, "it did not test; it saw %v", seen)
	}
}
