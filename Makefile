# Everything here is a shorthand: what CI runs is .ci/run.

TOOLS       := $(CURDIR)/bin
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s
BENCH       ?= .
export GOBIN := $(TOOLS)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the command into bin/lateen
	go build -o $(TOOLS)/lateen ./cmd/lateen

.PHONY: test
test: ## Run all tests
	go test ./... ./cmd/lateen/...

.PHONY: short
short: ## Run the tests that take no time
	go test -short ./... ./cmd/lateen/...

.PHONY: race
race: ## Run all tests with the race detector
	go test -race ./... ./cmd/lateen/...

.PHONY: lint
lint: $(TOOLS)/staticcheck ## Check format, go vet and staticcheck
	@test -z "$$(git ls-files -z '*.go' | xargs -0 gofmt -l | tee /dev/stderr)"
	go vet ./... ./cmd/lateen/... ./.ci
	$(TOOLS)/staticcheck ./... ./cmd/lateen/... ./.ci

$(TOOLS)/staticcheck:
	go install $(STATICCHECK)

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (30s)
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ {t[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, t[i]; n = 0}' | \
	while read -r package name; do \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

.PHONY: bench
bench: ## Run the benchmarks of the root package that match BENCH (.)
	go test -run '^$$' -bench '$(BENCH)' -benchmem .

.PHONY: compare
compare: ## Measure Lateen next to other routers
	cd bench && go run .

.PHONY: proxy
proxy: ## Measure Lateen as a proxy next to net/http/httputil's (Linux)
	cd bench && go run ./proxy

.PHONY: interop
interop: ## Run the tests with others' peers and processes that fail
	cd interop && go test ./...

.PHONY: conformance
conformance: ## Compare with Istio's answers, and print the counts
	go test -count=1 -v -run 'TestInProcess|TestConformance' ./internal/conformance ./cmd/lateen

.PHONY: docs
docs: ## Write the tables and printed forms that are made from the code
	go test ./spec/istio -run 'TestSemanticsDocument|TestGood' -update
	go test ./spec/istio -run TestPrinted -update-printed

.PHONY: ci
ci: ## Run what CI runs
	bash .ci/run
