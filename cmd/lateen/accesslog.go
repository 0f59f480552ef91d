package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/lateengo/gateway/accesslog"
)

// An accessLogging is what the flags about the access log say.
type accessLogging struct {
	// to is "-", "off" or a path; format is "default", "json" or a format of
	// Envoy's.
	to, format string
}

// open returns the access log, or nil if there is none.
func (a *accessLogging) open(out io.Writer) (*accesslog.Logger, error) {
	if a.to == "off" {
		return nil, nil
	}
	format, err := a.parse()
	if err != nil {
		return nil, err
	}
	if a.to == "-" {
		return accesslog.New(out, format), nil
	}
	return accesslog.Open(a.to, format)
}

func (a *accessLogging) parse() (accesslog.Format, error) {
	var format accesslog.Format
	var err error
	switch a.format {
	case "default":
		format, err = accesslog.Text(accesslog.Default)
	case "json":
		format, err = accesslog.JSON()
	default:
		if !strings.Contains(a.format, "%") {
			return format, fmt.Errorf("--access-log-format: default, json or a format with operators such as %%RESPONSE_CODE%% is expected, not %q", a.format)
		}
		format, err = accesslog.Text(strings.TrimSuffix(a.format, "\n"))
	}
	if err != nil {
		return format, fmt.Errorf("--access-log-format: %w", err)
	}
	return format, nil
}
