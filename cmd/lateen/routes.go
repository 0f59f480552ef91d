package main

import (
	"errors"
	"flag"
	"fmt"

	"github.com/lateengo/gateway/inspect"
)

func runRoutes(c *command, args []string, s streams) int {
	var config configuration
	var filter inspect.Filter
	var asJSON, asDOT, places bool
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	config.addFlags(flags)
	flags.StringVar(&filter.Host, "host", "", "only the virtual hosts that serve `HOST`, or that have this domain if it has a *")
	flags.StringVar(&filter.Path, "path", "", "only the routes whose condition on the path holds for `PATH`")
	flags.StringVar(&filter.Destination, "destination", "", "only the routes to `HOST[:PORT]`, in full or its first labels, or to this cluster")
	flags.StringVar(&filter.Resource, "resource", "", "only the routes of `[[KIND/]NAMESPACE/]NAME`: a VirtualService, Gateway, DestinationRule or policy")
	flags.BoolVar(&places, "places", false, "print the numbers of routes, and where routes and conditions were declared")
	flags.BoolVar(&asJSON, "json", false, "print the routes as JSON")
	flags.BoolVar(&asDOT, "dot", false, "print the routes as a graph for Graphviz: lateen routes --dot … | dot -Tsvg")
	rest, code, done := c.parse(flags, args, s)
	if done {
		return code
	}
	if len(rest) > 0 {
		return c.misused(s, fmt.Errorf("%q is not expected: files are given with -f", rest[0]))
	}
	if asJSON && asDOT {
		return c.misused(s, errors.New("--json and --dot are two forms: only one is expected"))
	}
	if err := config.check(); err != nil {
		return c.misused(s, err)
	}
	gw, err := config.dry(s).Build()
	config.printSkipped(s.err)
	if err != nil {
		printErrors(s.err, err)
		return exitUsage
	}
	defer gw.Close()
	table, err := gw.Routes().Filtered(filter)
	if err != nil {
		return c.misused(s, err)
	}
	if len(table.Listeners) == 0 && filter != (inspect.Filter{}) {
		fmt.Fprintln(s.err, "lateen routes: no route is left")
	}
	switch {
	case asJSON:
		return c.writeJSON(s, table)
	case asDOT:
		fmt.Fprint(s.out, table.DOT())
	case places:
		fmt.Fprint(s.out, table.WithPlaces())
	default:
		fmt.Fprint(s.out, table)
	}
	return exitOK
}
