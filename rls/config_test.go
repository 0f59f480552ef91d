package rls

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

func parse(t testing.TB, texts ...string) *Config {
	t.Helper()
	var files []ConfigFile
	for _, text := range texts {
		files = append(files, ConfigFile{Name: "limits.yaml", Text: []byte(text)})
	}
	c, err := ParseConfig(files...)
	require.NoError(t, err)
	return c
}

func (c *Config) limit(domain string, pairs ...string) *descriptor.Limit {
	var e []ratelimit.Entry
	for i := 0; i < len(pairs); i += 2 {
		e = append(e, ratelimit.Entry{Key: pairs[i], Value: pairs[i+1]})
	}
	return c.tree.Match(domain, e).Limit
}

func TestParseConfig(t *testing.T) {
	c := parse(t, `
domain: shop
descriptors:
  - key: user
    detailed_metric: true
    value_to_metric: no
    rate_limit: {unit: Minute, requests_per_unit: 10}
  - key: user
    value: alice
    shadow_mode: yes
    quota_mode: false
    rate_limit:
      unit: YEAR
      requests_per_unit: 4_294_967_295
      name: alice
      replaces: [{name: any}, {name: other}]
  - key: status
    value: 404
    rate_limit: {unlimited: true, requests_per_unit: 5, name: none}
  - {key: ban, rate_limit: {unit: week, requests_per_unit: 0}}
  - key: path
    value: /files/*
    rate_limit:
    descriptors:
      - key: remote_address
        rate_limit: {unit: second, requests_per_unit: 0x10}
  - key: empty
    descriptors:
`, `{"domain": "other", "descriptors": [{"key": "user", "value": "", "rate_limit": {"unit": "hour", "requests_per_unit": 7}}]}`, "domain: bare\n---\n")
	require.Equal(t, &descriptor.Limit{Requests: 10, Unit: descriptor.Minute}, c.limit("shop", "user", "bob"))
	require.Equal(t, &descriptor.Limit{Requests: 1<<32 - 1, Unit: descriptor.Year, Shadow: true, Name: "alice", Replaces: []string{"any", "other"}}, c.limit("shop", "user", "alice"))
	require.Equal(t, &descriptor.Limit{Unlimited: true, Requests: 5, Name: "none"}, c.limit("shop", "status", "404"))
	require.Equal(t, &descriptor.Limit{Unit: descriptor.Week}, c.limit("shop", "ban", "x"))
	require.Equal(t, &descriptor.Limit{Requests: 16, Unit: descriptor.Second}, c.limit("shop", "path", "/files/a", "remote_address", "::1"))
	require.Nil(t, c.limit("shop", "path", "/files/a"))
	require.Nil(t, c.limit("shop", "empty", ""))
	require.Equal(t, &descriptor.Limit{Requests: 7, Unit: descriptor.Hour}, c.limit("other", "user", "bob"))
	require.True(t, c.tree.Has("bare"))
}

func TestParseNothing(t *testing.T) {
	c := parse(t)
	require.False(t, c.tree.Has(""))
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	c := parse(t, `
domain: shop
descriptors:
  - &a
    key: a
    rate_limit: &l {unit: minute, requests_per_unit: 1}
  - {key: b, rate_limit: *l}
  - {<<: *a, key: c}
  - {key: d, rate_limit: {<<: [{unit: hour}, *l], requests_per_unit: 4}}
`)
	minute := &descriptor.Limit{Requests: 1, Unit: descriptor.Minute}
	for _, key := range []string{"a", "b", "c"} {
		require.Equal(t, minute, c.limit("shop", key, "x"))
	}
	require.Equal(t, &descriptor.Limit{Requests: 4, Unit: descriptor.Hour}, c.limit("shop", "d", "x"))
}

func TestConfigErrors(t *testing.T) {
	// in puts a descriptor into a file. Its first line is line 3, and begins in
	// column 5.
	in := func(lines ...string) string {
		return "domain: shop\ndescriptors:\n  - " + strings.Join(lines, "\n    ") + "\n"
	}
	const limit = "rate_limit: {unit: second, requests_per_unit: 1}"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "1:1: the file is empty; a domain is expected"},
		{"a comment", "# nothing\n", "1:1: the file is empty; a domain is expected"},
		{"null", "---\n~\n", "1:1: the file is empty; a domain is expected"},
		{"a list", "- a\n", "1:1: a list is here, and a map is expected"},
		{"a text", "domain\n", `1:1: "domain" is here, and a map is expected`},
		{"no domain", "descriptors: []\n", "1:1: the domain is missing"},
		{"an empty domain", "domain: ''\n", "1:9: domain: the domain is empty"},
		{"a null domain", "domain:\n", "1:8: domain: the domain is empty"},
		{"a list as domain", "domain: [a]\n", "1:9: domain: a list is here, and a string is expected"},
		{"two documents", "domain: a\n---\ndomain: b\n", "3:1: a second document begins here; each domain needs a file of its own"},
		{"not YAML", "domain: a\ndescriptors: [\n", "2:1: not readable as YAML: did not find expected node content"},
		{"a tab", "domain: a\ndescriptors:\n\t- key: a\n", "3:2: not readable as YAML: found character that cannot start any token"},
		{"an unknown key", "domian: a\ndomain: b\n", `1:1: the key "domian" is unknown; did you mean "domain"?`},
		{"an unknown key far off", "domain: b\nxyz: 1\n", `2:1: the key "xyz" is unknown`},
		{"a misspelled domain", "Domain: b\n", `1:1: the key "Domain" is unknown; did you mean "domain"?`},
		{"a misspelled number", in("key: a", "rate_limit: {unit: day, requestsperunit: 1}"), `4:29: descriptors[0].rate_limit: the key "requestsperunit" is unknown; did you mean "requests_per_unit"?`},
		{"a misspelled unit", in("key: a", "rate_limit: {unti: day, requests_per_unit: 1}"), `4:18: descriptors[0].rate_limit: the key "unti" is unknown; did you mean "unit"?`},
		{"a misspelled name", in("kye: a"), `3:5: descriptors[0]: the key "kye" is unknown; did you mean "key"?`},
		{"a key of another level", "domain: b\nkey: 1\n", `2:1: the key "key" must be in a descriptor`},
		{"a repeated key", "domain: b\ndomain: c\n", `2:1: the key "domain" is already on line 1`},
		{"a list as key", "domain: b\n[a]: c\n", `2:1: a key must be a string`},
		{"a map of descriptors", "domain: b\ndescriptors: {key: a}\n", "2:14: descriptors: a map is here, and a list is expected"},
		{"a text in descriptors", "domain: b\ndescriptors: [a]\n", `2:15: descriptors[0]: "a" is here, and a map is expected`},
		{"no key", in("value: a"), "3:5: descriptors[0]: the key is missing"},
		{"an empty key", in(`key: ""`), "3:10: descriptors[0].key: the key is empty"},
		{"a map as key", in(`key: {}`), "3:10: descriptors[0].key: a map is here, and a string is expected"},
		{"a misspelled key", in("key: a", "vlaue: b"), `4:5: descriptors[0]: the key "vlaue" is unknown; did you mean "value"?`},
		{"camel case", in("key: a", "rateLimit: {}"), `4:5: descriptors[0]: the key "rateLimit" is unknown; did you mean "rate_limit"?`},
		{"unit beside", in("key: a", "unit: second"), `4:5: descriptors[0]: the key "unit" must be in rate_limit`},
		{"shadow mode below", in("key: a", "rate_limit: {unit: second, requests_per_unit: 1, shadow_mode: true}"), `4:54: descriptors[0].rate_limit: the key "shadow_mode" must be in a descriptor`},
		{"an unknown unit", in("key: a", "rate_limit: {unit: minutes, requests_per_unit: 1}"), `4:24: descriptors[0].rate_limit.unit: the unit "minutes" is unknown; second, minute, hour, day, week, month or year is expected; did you mean "minute"?`},
		{"no unit", in("key: a", "rate_limit: {requests_per_unit: 1}"), `4:17: descriptors[0].rate_limit: the unit is missing`},
		{"an empty unit", in("key: a", "rate_limit: {unit: '', requests_per_unit: 1}"), `4:24: descriptors[0].rate_limit.unit: the unit is missing`},
		{"a unit of unlimited", in("key: a", "rate_limit: {unit: day, unlimited: true}"), `4:24: descriptors[0].rate_limit.unit: an unlimited limit has no unit`},
		{"no number", in("key: a", "rate_limit: {unit: day}"), `4:17: descriptors[0].rate_limit: requests_per_unit is missing; 0 allows nothing`},
		{"a negative number", in("key: a", "rate_limit: {unit: day, requests_per_unit: -1}"), `4:48: descriptors[0].rate_limit.requests_per_unit: "-1" is here, and a whole number from 0 to 4294967295 is expected`},
		{"a number too large", in("key: a", "rate_limit: {unit: day, requests_per_unit: 4294967296}"), `4:48: descriptors[0].rate_limit.requests_per_unit: "4294967296" is here, and a whole number from 0 to 4294967295 is expected`},
		{"a quoted number", in("key: a", "rate_limit: {unit: day, requests_per_unit: '1'}"), `4:48: descriptors[0].rate_limit.requests_per_unit: "1" is here, and a whole number from 0 to 4294967295 is expected`},
		{"a fraction", in("key: a", "rate_limit: {unit: day, requests_per_unit: 1.5}"), `4:48: descriptors[0].rate_limit.requests_per_unit: "1.5" is here, and a whole number from 0 to 4294967295 is expected`},
		{"a null number", in("key: a", "rate_limit: {unit: day, requests_per_unit: ~}"), `4:48: descriptors[0].rate_limit.requests_per_unit: null is here, and a number is expected`},
		{"a text as boolean", in("key: a", "shadow_mode: maybe"), `4:18: descriptors[0].shadow_mode: "maybe" is here, and true or false is expected`},
		{"a quoted boolean", in("key: a", "shadow_mode: 'true'"), `4:18: descriptors[0].shadow_mode: "true" is here, and true or false is expected`},
		{"replaces a text", in("key: a", "rate_limit: {unit: day, requests_per_unit: 1, replaces: [a]}"), `4:62: descriptors[0].rate_limit.replaces[0]: "a" is here, and a map is expected`},
		{"replaces nothing", in("key: a", "rate_limit: {unit: day, requests_per_unit: 1, replaces: [{}]}"), `4:61: descriptors[0].rate_limit.replaces: the name is empty`},
		{"replaces itself", in("key: a", "rate_limit: {unit: day, requests_per_unit: 1, name: b, replaces: [{name: b}]}"), `4:70: descriptors[0].rate_limit.replaces: a limit cannot replace itself`},
		{"quota mode", in("key: a", "quota_mode: true", limit), `4:17: descriptors[0].quota_mode: the quota mode is not supported`},
		{"metadata", in("key: a", "metadata: {a: b}", limit), `4:15: descriptors[0].metadata: metadata in answers is not supported`},
		{"shares a single value", in("key: a", "value: b", "share_threshold: true"), `5:22: descriptors[0].share_threshold: only a value with an asterisk can be shared`},
		{"twice", in("key: a") + "  - key: a\n", "4:10: descriptors[1].key: the key and the value of another descriptor on this level are the same, joined with an underscore"},
		{"twice below", in("key: a", "descriptors:", "  - key: b", "    value: c", "  - {key: b, value: c}"), "7:25: descriptors[0].descriptors[1].value: the key and the value of another descriptor on this level are the same, joined with an underscore"},
		{"merges a text", in("<<: a", "key: b"), `3:9: descriptors[0]: "a" is here, and a map is expected`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig(ConfigFile{Name: "f.yaml", Text: []byte(c.text)})
			require.EqualError(t, err, "f.yaml:"+c.want)
			require.Len(t, slices.Collect(spec.Errors(err)), 1)
		})
	}
}

func TestDomainTwice(t *testing.T) {
	file := func(name string) ConfigFile { return ConfigFile{Name: name, Text: []byte("domain: shop\n")} }
	_, err := ParseConfig(file("a.yaml"), file("b.yaml"))
	require.EqualError(t, err, "b.yaml:1:9: domain: there is already a domain with this name")
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := ParseConfig(ConfigFile{Name: "a.yaml", Text: []byte("domain: \"\"\ndescriptors: [{key: a, x: 1}, {}, {key: b, rate_limit: {unit: s}}]\n")}, ConfigFile{Name: "b.yaml"})
	require.Len(t, slices.Collect(spec.Errors(err)), 6)
}

func TestExpansion(t *testing.T) {
	var b strings.Builder
	b.WriteString("domain: shop\ndescriptors:\n- key: a0\n  descriptors: &a0 [{key: a}, {key: b}]\n")
	for i := 1; i < 40; i++ {
		at, before := string(rune('a'+i/10))+string(rune('0'+i%10)), string(rune('a'+(i-1)/10))+string(rune('0'+(i-1)%10))
		b.WriteString("- key: k" + at + "\n  descriptors: &" + at + "\n  - {key: a, descriptors: *" + before + "}\n  - {key: b, descriptors: *" + before + "}\n")
	}
	_, err := ParseConfig(ConfigFile{Name: "f.yaml", Text: []byte(b.String())})
	require.ErrorContains(t, err, "the aliases expand to too many values")
	require.Len(t, slices.Collect(spec.Errors(err)), 1)

	text := "domain: shop\ndescriptors: " + strings.Repeat("[{key: a, descriptors: ", 200) + strings.Repeat("}]", 200)
	_, err = ParseConfig(ConfigFile{Name: "f.yaml", Text: []byte(text)})
	require.ErrorContains(t, err, "it is nested deeper than 100 levels")

	_, err = ParseConfig(ConfigFile{Name: "f.yaml", Text: []byte("domain: shop\ndescriptors: &a\n- key: b\n  descriptors: *a\n")})
	require.Error(t, err)
}

func TestLoadConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	write("b.yaml", "domain: b\n")
	write("a.yml", "domain: a\n")
	write("notes.txt", "nothing\n")
	write("below.yaml/c.yaml", "domain: c\n")
	alone := write("limits", "domain: d\n")
	c, err := LoadConfig(dir, alone)
	require.NoError(t, err)
	for domain, want := range map[string]bool{"a": true, "b": true, "c": false, "d": true} {
		require.Equal(t, want, c.tree.Has(domain), domain)
	}
	_, err = LoadConfig(filepath.Join(dir, "below.yaml"), filepath.Join(dir, "missing"), t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "has no *.yaml or *.yml file")

	write("e.yaml", "domain: a\nx: 1\n")
	_, err = LoadConfig(dir)
	require.ErrorContains(t, err, "e.yaml:2:1: ")
	require.ErrorContains(t, err, "e.yaml:1:9: domain: there is already")
}

func FuzzParseConfig(f *testing.F) {
	for _, text := range []string{
		"domain: shop\ndescriptors:\n- key: a\n  value: b*\n  share_threshold: true\n  rate_limit: {unit: second, requests_per_unit: 1, name: x, replaces: [{name: y}]}\n",
		"domain: &a [*a]\n", "a: &a {<<: *a}\n", "domain: x\ndescriptors: [{}, [], ~]\n", "domain: x\n---\n---\n", "\xff", "\u0085\u00850", "{domain: !!binary aGk=}",
		"domain: x\ndescriptors: [{key: a, rate_limit: {unit: '', requests_per_unit: 1}}]",
		"domain: x\ndescriptors: [{key: a_b, value: c}, {key: a, value: b_c, rate_limit: {unlimited: true}}]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(ConfigFile{Name: "f.yaml", Text: text})
		if err == nil {
			// The tree of a good config has no problem that nobody has told.
			r := configReader{}
			domain, place := r.read(text)
			require.NotNil(t, place)
			_, problems := descriptor.NewTree([]descriptor.Domain{domain})
			require.Empty(t, problems)
			require.True(t, c.tree.Has(domain.Name))
			return
		}
		require.Nil(t, c)
		for e := range spec.Errors(err) {
			require.Positive(t, e.Line)
			require.Positive(t, e.Column)
			// YAML has more line ends than a newline.
			require.LessOrEqual(t, e.Line, len(text)+1)
		}
	})
}
