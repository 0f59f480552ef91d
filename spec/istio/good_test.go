package istio

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files and docs/semantics.md")

// goodFiles returns the documents without errors.
func goodFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/good/*.*")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(name string) bool { return !isDocument(name) })
	require.GreaterOrEqual(t, len(files), 15)
	return files
}

func isDocument(name string) bool {
	return filepath.Ext(name) == ".yaml" || filepath.Ext(name) == ".json"
}

func TestGood(t *testing.T) {
	for _, file := range goodFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			declared, err := Files(file).Declare()
			require.NoError(t, err)
			got := print(declared)
			golden := file + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// print prints declarations without zero fields. Origins are printed as the lines
// that they mean.
func print(declared spec.Declarations) string {
	var b strings.Builder
	printValue(&b, reflect.ValueOf(declared), "")
	return b.String()
}

func printValue(b *strings.Builder, v reflect.Value, indent string) {
	switch x := v.Interface().(type) {
	case spec.Warning:
		fmt.Fprintf(b, "%s\n", x)
		return
	case spec.Origin:
		fmt.Fprintf(b, "%d:%d %s\n", x.Line, x.Column, x.Path)
		return
	case time.Time:
		fmt.Fprintln(b, x.Format(time.RFC3339))
		return
	case time.Duration:
		fmt.Fprintln(b, x)
		return
	case spec.PEM:
		text, err := x.Bytes()
		fmt.Fprintf(b, "%s: %q %v\n", x.Field(), text, err)
		return
	case []byte:
		fmt.Fprintf(b, "%q\n", x)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct {
			b.WriteByte('&')
		}
		printValue(b, v.Elem(), indent)
	case reflect.Struct:
		b.WriteString(v.Type().Name() + "\n")
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				fmt.Fprintf(b, "%s  %s: ", indent, v.Type().Field(i).Name)
				printValue(b, v.Field(i), indent+"  ")
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			fmt.Fprintf(b, "%q\n", v.Interface())
			return
		}
		b.WriteByte('\n')
		for i := range v.Len() {
			fmt.Fprintf(b, "%s  - ", indent)
			printValue(b, v.Index(i), indent+"    ")
		}
	case reflect.Map:
		b.WriteByte('\n')
		byName := make(map[string]reflect.Value, v.Len())
		for _, k := range v.MapKeys() {
			byName[k.String()] = v.MapIndex(k)
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			fmt.Fprintf(b, "%s  %q: ", indent, name)
			printValue(b, byName[name], indent+"  ")
		}
	case reflect.String:
		fmt.Fprintf(b, "%q\n", v.String())
	default:
		fmt.Fprintln(b, v.Interface())
	}
}

func TestOrderIsThatOfTheText(t *testing.T) {
	declared, err := Files("testdata/good/delegates.yaml", "testdata/good/rate-limits.yaml").Declare()
	require.NoError(t, err)
	var got []string
	for _, vs := range declared.VirtualServices {
		got = append(got, vs.Namespace+"/"+vs.Name)
	}
	require.Equal(t, []string{"default/root", "team/team", "default/own", "default/limited"}, got)
}

func TestJSONIsTheSameAsYAML(t *testing.T) {
	fromJSON := Text(`{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "a"},
"spec": {"hosts": ["*"], "http": [{"match": [{"uri": {"prefix": "/a"}}], "route": [{"destination": {"host": "b", "port": {"number": 80}}}]}]}}`)
	fromYAML := Text(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: ["*"]
  http:
  - match:
    - uri: {prefix: /a}
    route:
    - destination:
        host: b
        port: {number: 80}
`)
	require.Equal(t, declarations(t, fromJSON), declarations(t, fromYAML))
}

// declarations returns the declarations of s, without origins.
func declarations(t *testing.T, s *Source) spec.Declarations {
	t.Helper()
	declared, err := s.Declare()
	require.NoError(t, err)
	return withoutOrigins(declared)
}

func withoutOrigins(d spec.Declarations) spec.Declarations {
	for i := range d.Servers {
		d.Servers[i].Origin = spec.Origin{}
	}
	for i := range d.VirtualServices {
		d.VirtualServices[i].Origin = spec.Origin{}
		for j := range d.VirtualServices[i].Routes {
			d.VirtualServices[i].Routes[j].Origin = spec.Origin{}
		}
	}
	for i := range d.Services {
		d.Services[i].Origin = spec.Origin{}
	}
	for i := range d.WorkloadEntries {
		d.WorkloadEntries[i].Origin = spec.Origin{}
	}
	for i := range d.DestinationRules {
		d.DestinationRules[i].Origin = spec.Origin{}
	}
	for i := range d.RateLimits {
		d.RateLimits[i].Origin = spec.Origin{}
	}
	for i := range d.RateLimitDomains {
		d.RateLimitDomains[i].Origin = spec.Origin{}
	}
	for i := range d.Credentials {
		d.Credentials[i].Origin = spec.Origin{}
	}
	for i := range d.Telemetries {
		d.Telemetries[i].Origin = spec.Origin{}
	}
	return d
}
