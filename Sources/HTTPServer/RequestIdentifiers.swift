/// Makes request identifiers: fifteen characters, which is what Swift stores in a String without
/// an allocation. Seven are drawn at random for each loop at each start, eight count.
struct RequestIdentifiers {
    private let origin: UInt64
    private var counter: UInt64 = 0

    init(origin: UInt64 = .random(in: 0...UInt64.max)) {
        self.origin = origin
    }

    mutating func next() -> String {
        defer { counter &+= 1 }
        let (origin, counter) = (origin, counter)
        return String(unsafeUninitializedCapacity: 15) { bytes in
            for index in 0..<7 {
                bytes[index] = Self.digit(origin >> UInt64(5 * index))
            }
            for index in 0..<8 {
                bytes[14 - index] = Self.digit(counter >> UInt64(5 * index))
            }
            return 15
        }
    }

    /// Crockford's base 32: no letter looks like a digit.
    private static func digit(_ value: UInt64) -> UInt8 {
        let index = UInt8(truncatingIfNeeded: value & 31)
        switch index {
        case 0...9: return 0x30 + index
        case 10...17: return 0x61 + index - 10  // a–h
        case 18, 19: return 0x6a + index - 18  // j, k
        case 20, 21: return 0x6d + index - 20  // m, n
        case 22...26: return 0x70 + index - 22  // p–t
        default: return 0x76 + index - 27  // v–z
        }
    }
}
