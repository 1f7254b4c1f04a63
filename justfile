# The recipes only give short names to commands that work without just.

# Ship the sample app to a throwaway server
demo:
    ./tests/demo

# How long a deploy takes, beside what one would type in its place; or so many rounds of it
bench *rounds:
    ./tests/bench {{rounds}}

# All tests, or those whose names contain one of the words
test *names:
    ./tests/all {{names}}

# Faults at every step, or those cells whose names contain one of the words; or `random [SEED [COUNT]]`
faults *words:
    ./tests/faults {{words}}

# What needs no server: formatting, lints, unit tests
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test --lib --bins
    ./tests/shell
    ./tests/workflows

# Rewrite the expected outputs in the tests, then look at the diff
snapshots:
    SNAPSHOTS=overwrite cargo test --lib
    cargo fmt
