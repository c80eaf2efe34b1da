# make run         build and start oneport on port 8080
# make test        everything: unit, race, fuzzing of what the network says first, real browsers
# make test-full   that and what takes longer (make full is that alone): every cell of the matrix, fuzzing, minutes of media
# make bench       the figures of docs/performance.md
# make delays      its table of first pictures, and of how far behind viewers are
GO ?= go
BIN := oneport
FUZZTIME ?= 1000x
# The packages that parse what comes before anything is verified: WebRTC's, and the configuration. "make full" has all.
PARSERS := port ice sdp rtc dtls config

.PHONY: build clients run test test-full full check unit fuzz parsers pages e2e bench delays cross clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) .

# The client that tests build is compiled before they begin: they wait for it no longer than for anything else.
clients:
	CGO_ENABLED=0 $(GO) build -trimpath -o /dev/null ./e2e/copy

run: build
	./$(BIN)

test: check unit parsers pages e2e

test-full: test full

full: fuzz build clients e2e/node_modules/.package-lock.json
	sh e2e/setup.sh
	ONEPORT_BIN=$(CURDIR)/$(BIN) node --test --test-concurrency=1 e2e/full/*.test.mjs

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet -trimpath ./...

# The packages that take longest begin first: packages are tested side by side, three at once, for the longest wait most of the time.
# With -trimpath, what one clone has compiled serves another.
unit: build
	sh e2e/setup.sh
	ONEPORT_BIN=$(CURDIR)/$(BIN) $(GO) test -race -trimpath -timeout 8m -p 3 ./server ./e2e ./audio ./hls ./bench ./...

fuzz:
	FUZZTIME=$(FUZZTIME) sh e2e/fuzz.sh

# A few seconds for each target.
parsers:
	FUZZTIME=5000x sh e2e/fuzz.sh $(PARSERS)

pages: e2e/node_modules/.package-lock.json
	node --test web/test/*.test.mjs

e2e: build clients e2e/node_modules/.package-lock.json
	sh e2e/setup.sh
	ONEPORT_BIN=$(CURDIR)/$(BIN) node --test --test-concurrency=1 e2e/*.test.mjs

# npm writes this file when all else is there: what an install that failed has left is not taken for one.
e2e/node_modules/.package-lock.json: e2e/package-lock.json
	sh e2e/setup.sh
	cd e2e && npm ci --no-audit --no-fund
	@touch $@

bench: build
	ONEPORT_BIN=$(CURDIR)/$(BIN) bench/figures.sh

delays: build e2e/node_modules/.package-lock.json
	sh e2e/setup.sh
	ONEPORT_BIN=$(CURDIR)/$(BIN) node e2e/measure/delays.mjs

# Every system that Go builds for and that people run; only the host's is tested.
cross:
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null .
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null .
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) build -o /dev/null .

clean:
	rm -rf $(BIN) dist e2e/node_modules e2e/out
