"""What `Sources/Benchmarks/run` is made of."""
