// Package fieldcases contains only tests, each based on a problem of people who run
// gateways. They test whole gateways with real listeners, between clients and
// backends that control every byte.
package fieldcases
