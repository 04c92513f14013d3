# Shortcuts. Everything runs without `just` too: each recipe is one command.

# List the recipes.
default:
    @just --list

# Start the server on http://127.0.0.1:3000
run *flags:
    cargo run --release -- {{flags}}

# Every check and test, as CI runs them; or one step: just test rust
test *steps:
    ./scripts/test.sh {{steps}}

# The quick loop: format, clippy, unit and integration tests.
check:
    ./scripts/test.sh fmt clippy cargo

# RFC 6455 conformance, all cases or some: just autobahn '6.4.*'
autobahn *cases:
    ./scripts/autobahn.sh {{cases}}

# The page in a headless browser.
page:
    ./scripts/test.sh page

# Bans, licenses and sources of the dependencies.
deny:
    ./scripts/test.sh deny

# Fan-out and codec benchmarks.
bench *filter:
    cargo bench {{filter}}

# nginx and Caddy with the files of deploy/, in front of a real server: just proxies nginx
proxies *names:
    ./scripts/proxies.py {{names}}

# The archives of a release with their checksums, below target/dist/
dist *targets:
    ./scripts/dist.sh {{targets}}

# The load tester's own help shows its flags: just loadtest --help
loadtest *flags:
    cargo run --release --package loadtest -- {{flags}}
