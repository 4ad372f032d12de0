import SeededChance
import Testing

@testable import TensorFormats

/// Every decimal is read twice, in the tight loop and as a token of its own, and compared bit by
/// bit with the standard library's conversion.
@Suite struct NumberReadingTests {
    @Test func nastyDecimalsAreRoundedCorrectly() throws {
        try check(Self.nasty + Self.nasty.map { "-" + $0 })
    }

    @Test func knownBitsOfNastyDecimals() throws {
        let doubles: [(String, UInt64)] = [
            ("9007199254740993", 0x4340_0000_0000_0000),
            ("9007199254740993.00000000000000000000000000000001", 0x4340_0000_0000_0001),
            ("4.9406564584124654e-324", 1), ("2.4703282292062327e-324", 0),
            ("2.4703282292062328e-324", 1), ("2.2250738585072011e-308", 0x000F_FFFF_FFFF_FFFF),
            ("1.7976931348623157e308", 0x7FEF_FFFF_FFFF_FFFF),
            ("1.7976931348623159e308", 0x7FF0_0000_0000_0000),
            ("1e400", 0x7FF0_0000_0000_0000), ("-1e400", 0xFFF0_0000_0000_0000),
            ("1e-400", 0), ("-1e-400", 0x8000_0000_0000_0000), ("-0", 0x8000_0000_0000_0000),
        ]
        let floats: [(String, UInt32)] = [
            ("1.4012984643248171e-45", 1), ("7.006492321624085e-46", 0),
            ("7.0064923216240862e-46", 1), ("1.1754942106924411e-38", 0x007F_FFFF),
            ("3.4028234663852886e38", 0x7F7F_FFFF), ("3.4028235677973367e38", 0x7F80_0000),
            ("3.4028235677973366e38", 0x7F7F_FFFF), ("16777217", 0x4B80_0000),
            ("16777217.0000000000000000000000000000001", 0x4B80_0001), ("-0.0", 0x8000_0000),
        ]
        #expect(try read(doubles.map(\.0), .F64).bits == doubles.map(\.1))
        #expect(try read(floats.map(\.0), .F32).bits == floats.map { UInt64($0.1) })
    }

    @Test func randomBitPatternsReadBack() throws {
        var generator = SplitMix(seed: 1)
        let doubles = (0..<4000).map { _ in Double(bitPattern: generator.next()) }
            .filter(\.isFinite).map { "\($0)" }
        let floats = (0..<4000).map { _ in
            Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
        }.filter(\.isFinite).map { "\($0)" }
        try check(doubles + floats)
    }

    @Test func decimalsOfEveryLengthAndSize() throws {
        var generator = SplitMix(seed: 2)
        let texts = (0..<6000).map { index in
            var digits = String(generator.next())
            if index % 3 == 0 { digits += String(generator.next()) }
            digits = String(digits.prefix(Int.random(in: 1...digits.count, using: &generator)))
            let zeros = String(repeating: "0", count: Int.random(in: 0...12, using: &generator))
            switch index % 4 {
            case 0: return "0.\(zeros)\(digits)"
            case 1: return "1\(digits)e\(Int.random(in: -345...310, using: &generator))"
            case 2: return "7\(digits).\(zeros)\(digits)"
            default: return "3.\(digits)E\(Int.random(in: -50...40, using: &generator))"
            }
        }
        try check(texts)
    }

    /// Exactly between two values, and next to that.
    @Test func tiesGoToEven() throws {
        var generator = SplitMix(seed: 3)
        var texts: [String] = []
        for _ in 0..<1500 {
            let odd = UInt128(generator.next() >> 11 | 1 << 52) * 2 + 1
            let tie = odd << UInt128(Int.random(in: 0...60, using: &generator))
            texts += ["\(tie - 1)", "\(tie)", "\(tie + 1)", "\(tie).0000000000000000000001"]
            let bits = UInt32(truncatingIfNeeded: generator.next()) & 0x7FFF_FFFF
            let value = Float(bitPattern: bits)
            guard value.isFinite, value.nextUp.isFinite else { continue }
            let half = (Double(value) + Double(value.nextUp)) / 2
            texts += ["\(half)", "\(half.nextUp)", "\(half.nextDown)"]
        }
        try check(texts)
    }

    /// The bound of the quick way to F32: decimals whose Double is a few units beside the middle
    /// of two Floats, with more digits than a Double holds.
    @Test func neighbourhoodOfFloatTies() throws {
        var generator = SplitMix(seed: 4)
        var texts: [String] = []
        for _ in 0..<600 {
            let value = Float.random(in: 1e-3..<1e3, using: &generator)
            let half = (Double(value) + Double(value.nextUp)) / 2
            for steps in -6...6 {
                let near = half + Double(steps) * half.ulp
                texts.append("\(near)\(steps.magnitude % 2 == 0 ? "" : "00000049")")
            }
        }
        try check(texts.filter { !$0.contains("e") })
    }

    private func check(_ texts: [String]) throws {
        let doubles = texts.map { Double($0)?.bitPattern }
        let floats = texts.map { (Float($0)?.bitPattern).map(UInt64.init) }
        let readDoubles = try read(texts, .F64)
        let readFloats = try read(texts, .F32)
        for (index, text) in texts.enumerated() {
            #expect(readDoubles.bits[index] == doubles[index], "F64 \(text)")
            #expect(readFloats.bits[index] == floats[index], "F32 \(text)")
            guard case .number(let single) = try parse(Array(text.utf8)) else { continue }
            #expect(single.bitPattern == doubles[index], "alone \(text)")
        }
    }

    private func read(_ texts: [String], _ working: DType) throws -> DocumentResult.Tensor {
        let document = "{\"gradients\":{\"w\":[" + texts.joined(separator: ", ") + "]}}"
        let layout = try layout([("w", [texts.count])])
        let result = readKnown(document, layout, working: working)
        return try #require(result.tensors.first, "\(result)")
    }

    private static let nasty: [String] = [
        "0", "0.0", "0e0", "0e99999999999999999999", "0.000e-5", "1", "10", "0.1", "0.3", "1e22",
        "1e23", "8.5e22", "9e22", "123456789012345678901234567890", "1e308", "1e309", "1e400",
        "1e99999999999999999999", "1e-99999999999999999999", "9007199254740991",
        "9007199254740992", "9007199254740993", "9007199254740994", "9007199254740995",
        "4503599627370496.5", "4503599627370497.5", "4503599627370496.50000000000000000001",
        "18446744073709551615", "18446744073709551616", "9999999999999999999",
        "99999999999999999999", "1e-323", "5e-324", "3e-324", "2.4703282292062327e-324",
        "2.47032822920623272e-324", "2.4703282292062328e-324", "2.2250738585072014e-308",
        "2.2250738585072011e-308", "2.2250738585072012e-308", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "1.4e-45", "7e-46", "7.1e-46",
        "1.1754943508222875e-38", "1.17549435e-38", "1.1754942e-38", "3.4028235e38",
        "3.4028235677973366e38", "3.4028235677973365e38", "3.4028236e38", "16777215",
        "16777216", "16777217", "16777218", "16777219", "33554431", "33554433", "33554434",
        "6.02214076e23", "1.00000005960464477539062500",
        "1.00000005960464477539062499", "1.00000005960464477539062501", "2.5e-1", "5E+2",
        "0.00000000000000000000000000000000000000000000000000000000000000000000000000001",
        "1." + String(repeating: "0", count: 300) + "1",
        "0." + String(repeating: "0", count: 350) + "123e350",
        String(repeating: "9", count: 400) + "e-400", String(repeating: "1", count: 310),
        "1" + String(repeating: "0", count: 1000) + "e-1000",
        "9007199254740992." + String(repeating: "9", count: 500),
        "9007199254740993." + String(repeating: "0", count: 500) + "1",
    ]
}
