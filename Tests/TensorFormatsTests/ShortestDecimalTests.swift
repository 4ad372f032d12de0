import SeededChance
import Testing

@testable import TensorFormats

@Suite struct ShortestDecimalTests {
    @Test func looksAsExpected() {
        let doubles: [(Double, String)] = [
            (0, "0"), (-0.0, "-0.0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (0.001, "0.001"),
            (0.000001, "0.000001"), (0.0000012345, "0.0000012345"), (1e-7, "1e-7"), (1e-8, "1e-8"),
            (1.5e-10, "1.5e-10"), (1.5e30, "1.5e30"), (1e20, "100000000000000000000"),
            (1e21, "1e21"), (123_456_789, "123456789"), (12.5, "12.5"), (100, "100"),
            (123456.75, "123456.75"), (.leastNonzeroMagnitude, "5e-324"),
            (2 * .leastNonzeroMagnitude, "1e-323"),
            (.greatestFiniteMagnitude, "1.7976931348623157e308"),
            (9_007_199_254_740_992, "9007199254740992"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"), (1e22, "1e22"), (1e23, "1e23"),
            (9.5367431640625e-7, "9.5367431640625e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123_456_789_012_345_683_968, "123456789012345680000"), (-2.5e-5, "-0.000025"),
            (1234567890123456.8, "1234567890123456.8"),
            (-1.2345678901234567e-100, "-1.2345678901234567e-100"),
            (.nan, "NaN"), (.infinity, "Infinity"), (-.infinity, "-Infinity"), (-.nan, "NaN"),
        ]
        for (value, text) in doubles { #expect(Decimal.shortest(value) == text) }
        let floats: [(Float, String)] = [
            (0, "0"), (-0.0, "-0.0"), (0.1, "0.1"), (16_777_216, "16777216"),
            (.leastNonzeroMagnitude, "1e-45"),
            (3.4028235e38, "3.4028235e38"), (0.3, "0.3"), (1e10, "10000000000"),
            (1e21, "1e21"),
            (9.5e-7, "9.5e-7"), (.leastNormalMagnitude, "1.1754944e-38"), (5.479, "5.479"),
            (33_554_432, "33554432"),
            (1e20, "100000000000000000000"),
            (.nan, "NaN"), (-.infinity, "-Infinity"),
        ]
        for (value, text) in floats { #expect(Decimal.shortest(value) == text) }
    }

    @Test func doublesAreShortestAndClosest() {
        var generator = SplitMix(seed: 5)
        for index in 0..<8000 {
            let bits = generator.next()
            switch index % 4 {
            case 0: check(Double(bitPattern: bits))
            case 1: check(Double(bitPattern: bits & 0x7FF0_0000_0000_0000))
            case 2: check(Double(bitPattern: bits & 0x000F_FFFF_FFFF_FFFF >> (bits % 52)))
            default: check(Double(Int64(bitPattern: bits) >> 20) / 1000)
            }
        }
    }

    @Test func everyPowerOfTwo() {
        for exponent in -1074...1023 {
            check(Double(sign: .plus, exponent: exponent, significand: 1))
        }
        for exponent in -149...127 {
            check(Float(sign: .plus, exponent: exponent, significand: 1))
        }
    }

    @Test func floatsAreShortestAndClosest() {
        var generator = SplitMix(seed: 6)
        for index in 0..<8000 {
            let bits = UInt32(truncatingIfNeeded: generator.next())
            check(Float(bitPattern: index % 3 == 0 ? bits & 0x807F_FFFF >> (bits % 23) : bits))
        }
    }

    private func check(_ value: Double) {
        guard value.isFinite else { return }
        let text = Decimal.shortest(value)
        #expect(Double(text)?.bitPattern == value.bitPattern, "\(text)")
        #expect(Digits(text) == Digits("\(value)"), "\(text)")
    }

    private func check(_ value: Float) {
        guard value.isFinite else { return }
        let text = Decimal.shortest(value)
        #expect(Float(text)?.bitPattern == value.bitPattern, "\(text)")
        #expect(Digits(text) == Digits("\(value)"), "\(text)")
    }

    /// Sign, significant digits and exponent of a decimal, however it is written. The standard
    /// library's description is the shortest and closest decimal, too.
    private struct Digits: Equatable {
        var isNegative = false
        var digits: [UInt8] = []
        var exponent = 0

        init(_ text: String) {
            let parts = text.split(separator: "e")
            var isFraction = false
            for byte in parts[0].utf8 {
                switch byte {
                case UInt8(ascii: "-"): isNegative = true
                case UInt8(ascii: "."): isFraction = true
                default:
                    digits.append(byte)
                    if isFraction { exponent -= 1 }
                }
            }
            if parts.count > 1 { exponent += Int(parts[1]) ?? 0 }
            digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
            while digits.last == UInt8(ascii: "0") {
                digits.removeLast()
                exponent += 1
            }
            if digits.isEmpty { exponent = 0 }
        }
    }
}
