package main

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/server"
)

func TestEdgeLeavesWhatWasGiven(t *testing.T) {
	for _, row := range []struct {
		args []string
		edge bool
		want time.Duration
	}{
		{nil, false, 0},
		{nil, true, 5 * time.Minute},
		{[]string{"-stream-idle-timeout", "1m"}, true, time.Minute},
		{[]string{"-stream-idle-timeout", "1m"}, false, time.Minute},
		{[]string{"-stream-idle-timeout", "0"}, true, 0},
	} {
		var v service
		flags := flag.NewFlagSet("serve", flag.ContinueOnError)
		v.limits.addFlags(flags)
		require.NoError(t, flags.Parse(row.args))
		if row.edge {
			v.setEdge()
		}
		require.Equal(t, row.edge, v.strict.on)
		var c server.Config
		v.limits.apply(&c)
		require.Equal(t, row.want, c.StreamIdleTimeout, "%q %v", row.args, row.edge)
	}
}
