package testhttp

import (
	"github.com/lateengo/gateway/spec"
)

type Ops = spec.HeaderOperations

// Lines are headers: a map, but shorter to write.
type Lines = map[string]string
