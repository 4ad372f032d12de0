/// The rates of loops that take turns: the others rest while one is measured.
struct AlternatingRates {
    /// In the order of the loops.
    let rates: [Quartiles]

    var first: Quartiles { rates[0] }
    var second: Quartiles { rates[1] }

    init(_ loops: [ClientLoop], rounds: Int, seconds: Int) throws {
        let turn = UInt64(seconds) * 1_000_000_000
        for loop in loops { _ = try loop.rate(forNanoseconds: turn / 4) }  // Warms up.
        var measured = [[Double]](repeating: [], count: loops.count)
        for _ in 0..<rounds {
            for (index, loop) in loops.enumerated() {
                measured[index].append(try loop.rate(forNanoseconds: turn))
            }
        }
        rates = measured.map { Quartiles($0) }
    }
}
