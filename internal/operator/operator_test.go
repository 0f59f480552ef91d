package operator

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for format, want := range map[string]string{
		"":                         "",
		"a b":                      `"a b"`,
		"100%% of %REQ(x)%":        `"100% of " REQ(x)`,
		"%A%%B_2%":                 "A B_2",
		"%REQ()%":                  "REQ()",
		"%REQ(a:b?c):12%":          "REQ(a:b?c):12",
		"%A:0%z":                   `A:0 "z"`,
		"%%%%":                     `"%%"`,
		"%":                        `error the % in "%" begins no operator; a percent sign is written %%`,
		"50% off":                  `"50" error`,
		"%a%":                      `error the % in "%a%" begins no operator; a percent sign is written %%`,
		"%A(b%":                    `error the % in "%A(b%" begins no operator; a percent sign is written %%`,
		"%A:%":                     `error the % in "%A:%" begins no operator; a percent sign is written %%`,
		"%A:99999999999999999999%": `error the % in "%A:99999999999999999999%" begins no operator; a percent sign is written %%`,
		"%A":                       `error the % in "%A" begins no operator; a percent sign is written %%`,
		"x%BAD%y":                  `"x" BAD error bad`,
	} {
		got := ""
		add := func(s string) {
			if got != "" {
				got += " "
			}
			got += s
		}
		err := Parse(format, func(s string) { add(fmt.Sprintf("%q", s)) }, func(op Operator) error {
			s := op.Name
			if op.HasArgument {
				s += "(" + op.Argument + ")"
			}
			if op.Limit >= 0 {
				s += fmt.Sprint(":", op.Limit)
			}
			add(s)
			if op.Name == "BAD" {
				return errors.New("bad")
			}
			return nil
		})
		if err != nil {
			add("error " + err.Error())
		}
		if format == "50% off" {
			require.ErrorContains(t, err, `the % in "% off"`)
			continue
		}
		require.Equal(t, want, got, "%q", format)
	}
}
