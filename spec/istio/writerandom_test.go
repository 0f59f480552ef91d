package istio

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// unwritten are the fields of declarations that Write leaves out, and why. All others are
// random in TestWriteRandom, so a new field fails it until it is written or listed here.
var unwritten = map[string]string{
	"Declarations.Unexecuted": "Lateen does not have the contents; a warning says so",
	"Declarations.Skipped":    "they are no declarations",
	"Declarations.Warnings":   "they are no declarations",
	"Declarations.Files":      "they are no declarations",
	"Declarations.Incomplete": "it is an error",

	"Route.MaxRequestBody":           "Istio has no form for it, so it is an error",
	"Route.MaxRequests":              "Istio has no form for it, so it is an error",
	"Route.RateLimits":               "they become RateLimitConfigs: TestWriteLimitsOfRoutes",
	"Mirror.Destination.Weight":      "a mirror does not use it",
	"Mirror.Destination.Headers":     "a mirror does not use them",
	"RateLimit.MaxKeys":              "a setting of the process, with a warning",
	"RateLimit.Provider":             "RateLimitConfig has one provider for all limits; another one is an error",
	"RateLimit.When.Name":            "only the request restricts a limit",
	"RateLimit.When.StatPrefix":      "only the request restricts a limit",
	"RateLimit.When.Port":            "only the request restricts a limit",
	"RateLimit.When.Gateways":        "only the request restricts a limit",
	"RateLimit.When.SourceLabels":    "only the request restricts a limit",
	"RateLimit.When.SourceNamespace": "only the request restricts a limit",
	"RateLimitPolicy.VirtualHosts":   "only EnvoyFilters have them: TestWriteEnvoyFilters",
	"TargetRef.VirtualHost":          "only EnvoyFilters have it: TestWriteEnvoyFilters",
	"Service.Discovery":              "it is in the program",
	"Service.Kubernetes":             "TestWriteKubernetes",
	"Service.Alias":                  "TestWriteKubernetes",
}

// A sower makes random declarations of all fields that can be written.
type sower struct {
	*rand.Rand
	path []string
}

// enums are the numbers of values of enumerations.
var enums = map[reflect.Type]int{
	reflect.TypeFor[spec.ClientTLSMode](): 4, reflect.TypeFor[spec.H2UpgradePolicy](): 3, reflect.TypeFor[spec.UnmatchedPreflights](): 2,
	reflect.TypeFor[spec.RateLimitHeaders](): 3, reflect.TypeFor[spec.MissingKey](): 4, reflect.TypeFor[spec.LimitMode](): 3,
	reflect.TypeFor[spec.SimpleBalancer](): 4, reflect.TypeFor[spec.MatchKind](): 4, reflect.TypeFor[spec.LimitInheritance](): 3,
	reflect.TypeFor[spec.LimitAlgorithm](): 2, reflect.TypeFor[spec.StoreFailure](): 3, reflect.TypeFor[spec.ActionKind](): 8,
	reflect.TypeFor[spec.PortDerivation](): 3, reflect.TypeFor[spec.TLSMode](): 7, reflect.TypeFor[spec.Resolution](): 5,
	reflect.TypeFor[spec.TracingMode](): 3, reflect.TypeFor[spec.ProxyProtocolVersion](): 2,
}

// oddTexts are texts that YAML reads as something else without quotes, or needs escapes
// for.
var oddTexts = []string{
	"yes", "n", "null", "~", "1", "0x1F", "1e3", ".5", "-1", "12:30", "2024-01-01", "a: b", "a #b", "#a", "- a", "*", "*.example.com",
	"&a", "!a", "%REQ(X)%", "@", "`", "{a}", "[a]", "a, b", "'", `"`, `\`, " a", "a ", "a\nb", "a\nb\n", "\n", "a\n\nb", " a\nb", "a\n b\n", "a\tb",
	"é", "日本", "\u0085", "\u2028", "\x00", "\x1b", "\U0001F600", "\ufeff", "<<", "=", "...", "---", "true", "a|b", "a\r\nb", "?", ": a", "{{ a }}", "${A}",
}

func (s *sower) text() string {
	if s.IntN(4) == 0 {
		return oddTexts[s.IntN(len(oddTexts))]
	}
	return string("abcdefgh"[s.IntN(8)]) + strconv.Itoa(s.IntN(100))
}

// fill sets v, unless it is one of the unwritten fields.
func (s *sower) fill(t *testing.T, v reflect.Value, depth int) {
	switch v.Type() {
	case reflect.TypeFor[spec.Origin]():
		return
	case reflect.TypeFor[time.Time]():
		if s.IntN(2) == 0 {
			v.Set(reflect.ValueOf(time.Unix(s.Int64N(1e9), 0).UTC()))
		}
		return
	case reflect.TypeFor[time.Duration]():
		units := []time.Duration{time.Nanosecond, time.Millisecond, time.Second, time.Minute, time.Hour}
		v.SetInt(int64(units[s.IntN(len(units))]) * (1 + s.Int64N(500)))
		return
	case reflect.TypeFor[spec.PEM]():
		v.Set(reflect.ValueOf(spec.NewPEM([]byte(s.text()))))
		return
	case reflect.TypeFor[spec.TLSVersion]():
		v.SetString([]string{"", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"}[s.IntN(5)])
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s.text())
	case reflect.Bool:
		v.SetBool(s.IntN(2) == 0)
	case reflect.Int:
		v.SetInt([]int64{0, 1, 80, 65535, s.Int64N(1000)}[s.IntN(5)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 1, 0.0001, 12.5, 100, 1e-12, 1e20, s.Float64()}[s.IntN(8)])
	case reflect.Uint8:
		n, ok := enums[v.Type()]
		require.True(t, ok, "%v has no number of values in enums", v.Type())
		v.SetUint(uint64(s.IntN(n)))
	case reflect.Pointer:
		if depth < 14 && s.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(t, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte([]string{"", "a", "\xff\x00", "a\nb\n"}[s.IntN(4)]))
			return
		}
		if depth < 14 {
			for range s.IntN(3) {
				e := reflect.New(v.Type().Elem()).Elem()
				s.fill(t, e, depth+1)
				v.Set(reflect.Append(v, e))
			}
		}
	case reflect.Map:
		for range s.IntN(3) {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			e := reflect.New(v.Type().Elem()).Elem()
			s.fill(t, e, depth+1)
			v.SetMapIndex(reflect.ValueOf(s.text()), e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			steps := 2
			s.path = append(s.path, v.Type().Name(), f.Name)
			if f.Anonymous {
				s.path, steps = s.path[:len(s.path)-2], 0
			}
			if !s.isUnwrittenField() {
				s.fill(t, v.Field(i), depth+1)
			}
			s.path = s.path[:len(s.path)-steps]
		}
		if v.CanAddr() {
			s.legalize(v.Addr().Interface())
		}
	default:
		require.Fail(t, "no way to fill", "%v", v.Type())
	}
}

// isUnwrittenField reports whether the current field is one of unwritten. The path
// alternates types and fields: its keys are a type and the fields below it.
func (s *sower) isUnwrittenField() bool {
	fields := s.path[len(s.path)-1]
	for i := len(s.path) - 2; ; i -= 2 {
		if _, ok := unwritten[s.path[i]+"."+fields]; ok {
			return true
		}
		if i == 0 {
			return false
		}
		fields = s.path[i-1] + "." + fields
	}
}

// legalize corrects combinations that have no form in YAML.
func (s *sower) legalize(of any) {
	switch x := of.(type) {
	case *spec.StringMatch:
		if x.Kind == spec.MatchAny {
			x.Value = ""
		}
	case *spec.VirtualService:
		x.Gateways = slices.DeleteFunc(x.Gateways, func(name string) bool { return name == "*" })
	case *spec.Match:
		x.Gateways = slices.DeleteFunc(x.Gateways, func(name string) bool { return name == "*" })
		for name, m := range x.WithoutHeaders {
			if m == spec.Regex("*") {
				delete(x.WithoutHeaders, name) // Istio reads it as presence.
			}
		}
	case *spec.Redirect:
		if x.DerivePort != spec.PortDerivationNone {
			x.Port = 0
		}
	case *spec.FaultAbort:
		if x.HTTPStatus != 0 {
			x.GRPCStatus = ""
		}
	case *spec.LoadBalancer:
		if x.ConsistentHash != nil {
			x.Simple = 0
		}
	case *spec.ConsistentHash:
		kept := *x
		*x = spec.ConsistentHash{RingHash: x.RingHash}
		switch s.IntN(4) {
		case 0:
			x.HTTPHeaderName = kept.HTTPHeaderName
		case 1:
			x.HTTPCookie = kept.HTTPCookie
		case 2:
			x.UseSourceIP = kept.UseSourceIP
		case 3:
			x.HTTPQueryParameterName = kept.HTTPQueryParameterName
		}
		if x.RingHash == nil {
			x.Maglev = kept.Maglev
		}
	case *spec.TracingTag:
		switch s.IntN(3) {
		case 0:
			*x = spec.TracingTag{Literal: x.Literal}
		case 1:
			*x = spec.TracingTag{Environment: x.Environment}
		case 2:
			*x = spec.TracingTag{Header: x.Header}
		}
	case *spec.Retry:
		for i := range x.On {
			x.On[i] = strings.ReplaceAll(x.On[i], ",", "")
		}
	case *spec.RateLimit:
		x.Provider = spec.DefaultProvider
		x.Unit = units[s.IntN(len(units))]
	case *spec.DescriptorRate:
		x.Unit = units[s.IntN(len(units))]
		if x.Unlimited {
			x.Requests, x.Unit = 0, 0
		}
	case *spec.RateLimitDomain:
		weightless(x.Descriptors)
	case *spec.LimitKey:
		if x.RemoteAddress {
			x.Header = ""
		}
	case *spec.TargetRef:
		x.Kind = []string{"VirtualService", "Gateway"}[s.IntN(2)]
	case *spec.RateLimitPolicy:
		if len(x.Targets) > 0 {
			x.Selector = nil
		}
	case *spec.RateLimitAction:
		s.legalAction(x)
	case *spec.DirectResponse:
		if len(x.Body) == 0 {
			x.Body = nil
		}
	case *spec.Service:
		if s.IntN(2) == 0 {
			x.WorkloadSelector = nil
		} else if x.WorkloadSelector == nil {
			x.WorkloadSelector = map[string]string{}
		}
		x.Addresses = nil
		if x.Resolution < spec.ResolveDNS {
			x.Addresses = []string{"10.0.0.0/8", "10.0.0.1"}[:s.IntN(3)]
		}
	}
}

// weightless removes weights, which envoyproxy/ratelimit does not have.
func weightless(list []spec.DescriptorLimit) {
	for i := range list {
		list[i].Weight, list[i].AlwaysApply = 0, false
		weightless(list[i].Descriptors)
	}
}

// legalAction leaves only the fields that the kind of an action uses.
func (s *sower) legalAction(a *spec.RateLimitAction) {
	kept := *a
	*a = spec.RateLimitAction{Kind: kept.Kind}
	switch a.Kind {
	case spec.ActionGenericKey:
		a.Key, a.Value = kept.Key, kept.Value
	case spec.ActionRequestHeader, spec.ActionQueryParameter:
		a.Key, a.Name, a.SkipIfAbsent = kept.Key, kept.Name, kept.SkipIfAbsent
	case spec.ActionMaskedAddress:
		a.IPv4Bits, a.IPv6Bits = s.IntN(33), s.IntN(129)
	case spec.ActionHeaderMatch, spec.ActionQueryMatch:
		a.Key, a.Value, a.ExpectNoMatch, a.Conditions = kept.Key, kept.Value, kept.ExpectNoMatch, kept.Conditions
		for i := range a.Conditions {
			c := &a.Conditions[i]
			if c.Match.Kind == spec.MatchPrefix && c.Match.Value == "" {
				c.Match.Value = "a"
			}
			if a.Kind == spec.ActionQueryMatch {
				c.MissingIsEmpty = false
				c.Not = c.Not && c.Match.Kind == spec.MatchAny
			}
		}
	}
}

// sow returns random declarations. The names of resources are unique.
func sow(t *testing.T, seed uint64) *spec.Declarations {
	s := &sower{Rand: rand.New(rand.NewPCG(seed, 1))}
	d := new(spec.Declarations)
	s.fill(t, reflect.ValueOf(d).Elem(), 0)
	number := 0
	unique := func(name *string) {
		number++
		*name = fmt.Sprintf("%s %d", *name, number)
	}
	for i := range d.Servers {
		server := &d.Servers[i]
		unique(&server.Gateway)
		if i > 0 && s.IntN(2) == 0 {
			before := &d.Servers[i-1]
			server.Gateway, server.Namespace, server.Selector, server.Created = before.Gateway, before.Namespace, before.Selector, before.Created
		}
	}
	if len(d.Servers) == 0 {
		d.Servers = []spec.Server{{Gateway: "g", Namespace: "n", Port: 80, PortName: "http", Protocol: spec.ProtocolHTTP, Hosts: []string{"*"}}}
	}
	for i := range d.VirtualServices {
		unique(&d.VirtualServices[i].Name)
	}
	for i := range d.Services {
		unique(&d.Services[i].Name)
	}
	for i := range d.WorkloadEntries {
		unique(&d.WorkloadEntries[i].Name)
	}
	for i := range d.DestinationRules {
		unique(&d.DestinationRules[i].Name)
	}
	for i := range d.RateLimits {
		unique(&d.RateLimits[i].Name)
	}
	for i := range d.RateLimitDomains {
		unique(&d.RateLimitDomains[i].Name)
	}
	for i := range d.Telemetries {
		unique(&d.Telemetries[i].Name)
	}
	for i := range d.Credentials {
		unique(&d.Credentials[i].Name)
	}
	return d
}

// canonical returns declarations in the order of Write, without origins and warnings, and
// without the difference between no list and an empty one where it says nothing.
func canonical(d spec.Declarations) spec.Declarations {
	d = withoutOrigins(d)
	d.Warnings, d.Skipped, d.Files, d.Unexecuted, d.Incomplete = nil, nil, nil, nil, nil
	byName := func(a, b spec.Origin) int { return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name) }
	name := func(namespace, name string) spec.Origin { return spec.Origin{Namespace: namespace, Name: name} }
	slices.SortStableFunc(d.Servers, func(a, b spec.Server) int { return byName(name(a.Namespace, a.Gateway), name(b.Namespace, b.Gateway)) })
	slices.SortStableFunc(d.VirtualServices, func(a, b spec.VirtualService) int {
		return byName(name(a.Namespace, a.Name), name(b.Namespace, b.Name))
	})
	slices.SortStableFunc(d.Services, func(a, b spec.Service) int { return byName(name(a.Namespace, a.Name), name(b.Namespace, b.Name)) })
	slices.SortStableFunc(d.DestinationRules, func(a, b spec.DestinationRule) int {
		return byName(name(a.Namespace, a.Name), name(b.Namespace, b.Name))
	})
	slices.SortStableFunc(d.RateLimits, func(a, b spec.RateLimitPolicy) int {
		return byName(name(a.Namespace, a.Name), name(b.Namespace, b.Name))
	})
	slices.SortStableFunc(d.RateLimitDomains, func(a, b spec.RateLimitDomain) int { return byName(name("", a.Name), name("", b.Name)) })
	slices.SortStableFunc(d.Telemetries, func(a, b spec.Telemetry) int { return byName(name(a.Namespace, a.Name), name(b.Namespace, b.Name)) })
	slices.SortStableFunc(d.Credentials, func(a, b spec.Credential) int { return byName(name(a.Namespace, a.Name), name(b.Namespace, b.Name)) })
	tidy(reflect.ValueOf(&d).Elem())
	return d
}

// tidy replaces empty lists and maps by none, and what means the same by one form of it.
func tidy(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			tidy(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			tidy(v.Index(i))
		}
		if v.Len() == 0 && !v.IsNil() {
			v.SetZero()
		}
	case reflect.Map:
		if v.Len() == 0 && !v.IsNil() {
			v.SetZero()
		}
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			tidy(e)
			v.SetMapIndex(k, e)
		}
	case reflect.Struct:
		switch x := v.Addr().Interface().(type) {
		case *time.Time:
			*x = x.UTC()
			return
		case *spec.PEM:
			contents, err := x.Bytes()
			if err == nil && contents != nil {
				*x = spec.NewPEM(contents)
			}
			return
		case *spec.ServerTLS:
			if x.Mode == spec.TLSUnset {
				x.Mode = spec.TLSPassthrough // Istio's default
			}
		case *spec.Service:
			defer func(none bool) {
				if !none && x.WorkloadSelector == nil {
					x.WorkloadSelector = map[string]string{}
				}
			}(x.WorkloadSelector == nil)
			defer func(known bool) {
				if known && x.Endpoints == nil && x.Kubernetes {
					x.Endpoints = []spec.Endpoint{}
				}
			}(x.Endpoints != nil)
		case *spec.DestinationRule:
			defer func(none bool) {
				if !none && x.WorkloadSelector == nil {
					x.WorkloadSelector = map[string]string{}
				}
			}(x.WorkloadSelector == nil)
		case *spec.Endpoint:
			defer func(none bool) {
				if !none && x.Labels == nil {
					x.Labels = map[string]string{}
				}
			}(len(x.Labels) == 0)
		}
		for i := range v.NumField() {
			tidy(v.Field(i))
		}
	}
}

// nothingLeftOut are the options that leave nothing out.
var nothingLeftOut = &WriteOptions{Kubernetes: true, Secrets: true}

// writtenText returns declarations as text.
func writtenText(t *testing.T, d *spec.Declarations) string {
	t.Helper()
	var b bytes.Buffer
	_, err := Write(&b, d, nothingLeftOut)
	require.NoError(t, err)
	return b.String()
}

// roundTrip writes declarations and reads them back. Both must be equal, and so must the
// text of what was read.
func roundTrip(t *testing.T, d *spec.Declarations) {
	t.Helper()
	first := writtenText(t, d)
	read, err := Text(first).Declare()
	require.NoError(t, err, "%s", first)
	second := writtenText(t, &read)
	require.Equal(t, first, second)
	if want, got := canonical(*d), canonical(read); !reflect.DeepEqual(want, got) {
		require.Equal(t, print(want), print(got), "%s", first)
		require.Equal(t, want, got, "%s", first)
	}
}

// rounds returns how many random declarations a test tries: LATEEN_ROUNDS, or a default.
func rounds(t *testing.T, otherwise int) int {
	text, ok := os.LookupEnv("LATEEN_ROUNDS")
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// TestWriteRandom: reading what was written is the identity on declarations in which
// every field is random.
func TestWriteRandom(t *testing.T) {
	for i := range rounds(t, 200) {
		roundTrip(t, sow(t, uint64(i)))
		if t.Failed() {
			t.Fatalf("seed %d", i)
		}
	}
}
