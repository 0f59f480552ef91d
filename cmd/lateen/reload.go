package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/lateengo/gateway/live"
	"github.com/lateengo/gateway/spec"
)

// watched returns the files of the configuration as what changes: by itself with --watch,
// and otherwise only when it is told.
func (v *service) watched(s streams) live.Source {
	v.rereads = v.watch
	source := v.source(s)
	if !v.watch {
		return unwatched{source}
	}
	paths := slices.DeleteFunc(slices.Clone(v.files), func(path string) bool { return path == "-" })
	var also []string
	for i := range v.credentials {
		c := &v.credentials[i].Credential
		for _, file := range []string{c.CertificateFile, c.KeyFile, c.CAFile, c.CRLFile} {
			if file != "" {
				also = append(also, file)
			}
		}
	}
	return &live.Files{Source: source, Paths: paths, Recursive: v.recursive, Also: also}
}

// An unwatched source never changes by itself.
type unwatched struct{ spec.Source }

func (unwatched) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// printUpdate prints what is wrong with a configuration that was read again.
func (v *service) printUpdate(w io.Writer, u *live.Update) {
	printWarnings(w, v.telling.news(u.Warnings))
	if u.Err != nil {
		printErrors(w, u.Err)
		return
	}
	fmt.Fprintf(w, "serving generation %d of the configuration\n", u.Generation)
}
