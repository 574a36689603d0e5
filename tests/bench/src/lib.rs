//! Benchmarks of the whole, each against a baseline in the same run.
