import SeededChance

/// Input does not arrive whole, and what it means must not depend on how it was cut.
enum Cuts {
    /// The input whole, byte by byte, and at places that follow from the input itself. Each piece
    /// lies in memory of its own, so that a reader cannot look beyond it unnoticed.
    static func ways(of input: [UInt8]) -> [[[UInt8]]] {
        [[input], input.map { [$0] }, random(input)]
    }

    private static func random(_ input: [UInt8]) -> [[UInt8]] {
        var dice = SplitMix(of: input)
        var pieces: [[UInt8]] = []
        var start = 0
        while start < input.count {
            // Small pieces and large ones in turns, an empty one now and then.
            let bound = dice.below(2) == 0 ? 4 : 64
            let end = min(start + dice.below(bound), input.count)
            pieces.append(Array(input[start..<end]))
            start = end
        }
        return pieces
    }
}

/// Reads the input in every way and returns what it means.
func sameHoweverCut<Reading: Equatable>(
    _ input: [UInt8], _ read: ([[UInt8]]) throws -> Reading
) throws -> Reading {
    let ways = Cuts.ways(of: input)
    let whole = try read(ways[0])
    for pieces in ways.dropFirst() {
        try requireEqual(
            whole, try read(pieces), "cut into \(pieces.map(\.count)) it means the same")
    }
    return whole
}

extension SplitMix {
    /// Chance that is the same for the same input (FNV-1a).
    init(of input: [UInt8]) {
        self.init(
            seed: input.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
    }

    /// From zero to `bound`, without it.
    mutating func below(_ bound: Int) -> Int {
        bound > 0 ? Int(next() % UInt64(bound)) : 0
    }
}
