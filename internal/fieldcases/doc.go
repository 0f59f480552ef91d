// Package fieldcases holds tests alone, each made after something that happened to
// people who run gateways: whole gateways behind real listeners, between clients and
// backends that decide about every byte.
package fieldcases
