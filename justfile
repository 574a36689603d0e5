# Each part is a script, which also runs without just; CONTRIBUTING.md says what it does and needs.

# Lists the parts.
default:
    @just --list

# A community that people talk in, on a site that follows it.
demo:
    scripts/demo

# Everything that CI runs, on a machine that it may install tools on.
ci:
    .ci/run

# Format, lints and documentation.
check:
    scripts/check

# Licences, versions and sources of the dependencies.
deny *checks:
    scripts/deny {{checks}}

# All tests that need no server.
test *arguments:
    scripts/test {{arguments}}

# The tests that need a database server.
test-server *arguments:
    scripts/test-server {{arguments}}

# discord.js and discord-markdown-parser.
test-node:
    scripts/test-node

# Open pages in a headless Chromium.
test-browser *arguments:
    scripts/test-browser {{arguments}}

# Lighthouse, axe, requests and sizes of pages, in a headless Chromium.
test-site:
    scripts/test-site

# The program that serves `examples/`, and the demo.
smoke:
    scripts/smoke
