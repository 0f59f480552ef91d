module github.com/lateengo/gateway/examples/sharedlimit

go 1.26.0

replace (
	github.com/lateengo/gateway => ../../
	github.com/lateengo/gateway/redislimit => ../../redislimit
)

require (
	github.com/alicebob/miniredis/v2 v2.40.0
	github.com/lateengo/gateway v0.0.0
	github.com/lateengo/gateway/redislimit v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-chi/chi/v5 v5.5.0 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/redis/go-redis/v9 v9.23.0 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/sys v0.48.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	istio.io/api v1.31.1 // indirect
)
