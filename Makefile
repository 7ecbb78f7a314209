# MemoryLease is built with make, which leaves bin/server and bin/client. So is this: both take the
# arguments of that program and print its words. All else is leasebox, by cargo or ./run.sh.
bin/server bin/client: target/release/leasebox
	mkdir -p bin
	cp $< $@

all: bin/server bin/client

target/release/leasebox: FORCE
	cargo build --release --target-dir target

.DEFAULT_GOAL := all
.PHONY: all FORCE
