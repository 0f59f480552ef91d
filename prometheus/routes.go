package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
)

var (
	routeRequests = routeDesc("requests", "Requests by route and destination.")
	routeFailures = routeDesc("failures", "Requests by route and destination that failed: status 500 and more, or no response.")
	routeRetries  = routeDesc("retries", "Tries after the first one.")
	routeLimited  = routeDesc("limited", "Requests that a rate limit refused.")
)

func routeDesc(what, help string) *client.Desc {
	return desc("lateen_route_"+what+"_total", help, "listener", "virtual_service", "route", "destination")
}

func collectRoutes(ch chan<- client.Metric, list []metrics.Series) {
	for i := range list {
		s := &list[i]
		labels := []string{s.Listener, s.VirtualService, s.Route, s.Destination.Cluster}
		counter(ch, routeRequests, s.Requests(), labels...)
		counter(ch, routeFailures, s.Failures(), labels...)
		counter(ch, routeRetries, s.Retries, labels...)
		counter(ch, routeLimited, s.Limited, labels...)
	}
}
