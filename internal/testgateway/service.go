package testgateway

import (
	"testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func ShopBehind(t *testing.T, s spec.Service, p *spec.TrafficPolicy, retry *spec.Retry) *gateway.Gateway {
	return Built(t, gateway.New().Service(s).DestinationRule(spec.DestinationRule{Name: "shop", Host: "shop.internal", TrafficPolicy: p}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.internal"}}, Retry: retry}))
}
