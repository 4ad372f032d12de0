import Testing

@testable import HTTP1

@Suite("Classes of bytes")
struct ByteClassTests {
    private static let alphanumeric =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let all = Array(UInt8.min...UInt8.max)

    private func members(_ text: String) -> [UInt8] {
        Array((Self.alphanumeric + text).utf8).sorted()
    }

    @Test("are what the RFCs list")
    func sets() {
        #expect(Self.all.filter(\.isToken) == members("!#$%&'*+-.^_`|~"))
        #expect(Self.all.filter(\.isPathOrQuery) == members("-._~!$&'()*+,;=:@/?"))
        #expect(Self.all.filter(\.isRegisteredName) == members("-._~!$&'()*+,;="))
        #expect(
            Self.all.filter(\.isFieldContent)
                == [0x09] + Array(0x20...0x7e) + Array(0x80...0xff))
        #expect(Self.all.filter(\.isDigit) == Array("0123456789".utf8))
        #expect(
            Self.all.filter { $0.hexDigitValue != nil } == Array("0123456789ABCDEFabcdef".utf8))
        #expect(
            Self.all.filter { $0.lowercased != $0 } == Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8))
    }

    @Test("are found eight at a time as they are one at a time")
    func scans() {
        for length in 0...24 {
            for place in 0..<length {
                for byte in Self.all {
                    var bytes = [UInt8](repeating: 0x80, count: length)
                    bytes[place] = byte
                    bytes[length - 1] = length % 2 == 0 ? .lineFeed : bytes[length - 1]
                    let span = bytes.span
                    #expect(
                        ByteScan.lineFeed(span, 0..<length)
                            == bytes.firstIndex(of: .lineFeed) ?? length)
                    #expect(
                        ByteScan.isFieldContent(span, 0..<length)
                            == bytes.allSatisfy(\.isFieldContent))
                }
            }
        }
    }
}
