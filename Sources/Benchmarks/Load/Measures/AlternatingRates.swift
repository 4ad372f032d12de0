/// The rates of two loops that take turns: each rests while the other one is measured.
struct AlternatingRates {
    let first: Quartiles
    let second: Quartiles

    init(_ first: ClientLoop, _ second: ClientLoop, rounds: Int, seconds: Int) throws {
        let turn = UInt64(seconds) * 1_000_000_000
        // Warms up both.
        _ = try first.rate(forNanoseconds: turn / 4)
        _ = try second.rate(forNanoseconds: turn / 4)
        var rates: [[Double]] = [[], []]
        for _ in 0..<rounds {
            rates[0].append(try first.rate(forNanoseconds: turn))
            rates[1].append(try second.rate(forNanoseconds: turn))
        }
        self.first = Quartiles(rates[0])
        self.second = Quartiles(rates[1])
    }
}
