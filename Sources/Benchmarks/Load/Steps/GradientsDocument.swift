import SystemIO

/// `{"gradients":{"w":[0.…,-0.…]}}` of numbers with 17 significant digits, as many as a Double may
/// need. Every second one is negative, so that the length is known before the digits.
enum GradientsDocument {
    private static let opening = Array(#"{"gradients":{"w":["#.utf8)
    private static let closing = Array("]}}".utf8)
    private static let digits = 17
    private static let zero = UInt8(ascii: "0")

    static func body(count: Int) throws -> Slab {
        let body = try Slab(byteCount: byteCount(of: count))
        var chance = Chance()
        var place = 0
        func append(_ bytes: some Collection<UInt8>) {
            UnsafeMutableRawBufferPointer(rebasing: body.bytes[place...]).copyBytes(from: bytes)
            place += bytes.count
        }
        append(opening)
        for index in 0..<count {
            if index > 0 { append(CollectionOfOne(UInt8(ascii: ","))) }
            if index % 2 == 1 { append(CollectionOfOne(UInt8(ascii: "-"))) }
            append("0.".utf8)
            // Between 10^16 and 10^17 − 1: 17 digits, the first of which is not 0.
            var number = 10_000_000_000_000_000 + (chance.next() >> 4) % 90_000_000_000_000_000
            for digit in (0..<digits).reversed() {
                body.bytes[place + digit] = zero + UInt8(number % 10)
                number /= 10
            }
            place += digits
        }
        append(closing)
        return body
    }

    /// Number 0 is `0.` and its digits; two more add a sign, two commas and twice that.
    private static func byteCount(of count: Int) -> Int {
        let number = 2 + digits
        return opening.count + closing.count + count * number + count / 2 + max(0, count - 1)
    }

    /// The most numbers that fit.
    static func count(bodyBytes: Int) -> Int {
        let twoNumbers = 2 * (2 + digits + 1) + 1
        return (bodyBytes + 1 - opening.count - closing.count) * 2 / twoNumbers
    }
}
