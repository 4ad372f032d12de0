import Testing

@testable import HTTP1

@Suite("Content-Encoding")
struct ContentEncodingTests {
    @Test("names one coding or none", arguments: [
        ("gzip", .gzip), ("GZip", .gzip), ("x-gzip", .gzip), ("X-GZIP", .gzip),
        ("deflate", .deflate), (" , deflate ,, ", .deflate),
        ("", nil), (",", nil), ("identity", nil), ("Identity", nil),
    ] as [(String, ContentCoding?)])
    func one(_ value: String, _ coding: ContentCoding?) throws {
        #expect(try ContentCoding.only(in: value) == coding)
    }

    @Test("is refused when it cannot be undone", arguments: [
        "br", "zstd", "compress", "x-deflate", "gzip, gzip", "gzip, deflate", "identity, gzip",
        "gzip, identity", "gzip;q=1", "gzip deflate", "\"gzip\"", "*", "gzip/", "gzip\u{E9}",
    ])
    func none(_ value: String) {
        #expect(throws: ContentCodingFault.self) { try ContentCoding.only(in: value) }
    }
}

@Suite("Accept-Encoding")
struct AcceptEncodingTests {
    private static let gzip = AcceptEncoding.Choice.coded(.gzip, isRequired: false)
    private static let deflate = AcceptEncoding.Choice.coded(.deflate, isRequired: false)
    private static let onlyGzip = AcceptEncoding.Choice.coded(.gzip, isRequired: true)
    private static let onlyDeflate = AcceptEncoding.Choice.coded(.deflate, isRequired: true)

    @Test("chooses the most welcome", arguments: [
        // What clients send: curl --compressed, browsers, Python's urllib and requests.
        ("deflate, gzip", gzip), ("deflate, gzip, br, zstd", gzip), ("gzip, deflate, br", gzip),
        ("identity", .identity), ("gzip, deflate", gzip),
        // The examples of RFC 9110 §12.5.3.
        ("compress, gzip", gzip), ("", .identity), ("*", gzip),
        ("compress;q=0.5, gzip;q=1.0", gzip), ("gzip;q=1.0, identity; q=0.5, *;q=0", gzip),
        // Weights.
        ("gzip;q=0.5, deflate;q=0.501", deflate), ("gzip;q=0.1, deflate;q=0.09", gzip),
        ("gzip;q=0, deflate", deflate), ("gzip;q=0.000, *;q=0.001", deflate),
        ("gzip;q=0.5, identity", .identity), ("gzip, identity", gzip),
        ("gzip;q=0.4, identity;q=0.5, deflate;q=0.3", .identity),
        ("gzip;q=0", .identity), ("gzip;q=0, deflate;q=0", .identity), ("br", .identity),
        ("br, *;q=0.5", gzip), ("*;q=0.5, identity;q=0.8", .identity),
        ("*;q=0.5, gzip;q=0", deflate),
        // Identity is refused by name or by "*".
        ("gzip, identity;q=0", onlyGzip), ("*, identity;q=0", onlyGzip),
        ("gzip, *;q=0", onlyGzip), ("deflate;q=0.001, *;q=0", onlyDeflate),
        ("identity;q=0", .nothing), ("*;q=0", .nothing), ("br, identity;q=0", .nothing),
        ("gzip;q=0, deflate;q=0, identity;q=0", .nothing), ("br, *;q=0", .nothing),
        ("*;q=0, identity", .identity), ("*;q=0, identity;q=0.1", .identity),
        // Names without regard to case, the old one among them, and repeated ones.
        ("GZIP", gzip), ("x-gzip", gzip), ("X-Gzip;Q=0.5", gzip), ("x-gzip;q=0, gzip;q=1", gzip),
        ("gzip;q=0, gzip;q=0.5", gzip), ("Identity;q=0, gzip", onlyGzip),
        // Blanks and empty elements (RFC 9110 §5.6).
        (" ,, gzip ;\tq=0.5 , ", gzip), (",", .identity), ("gzip;", gzip),
    ])
    func choice(_ value: String, _ choice: AcceptEncoding.Choice) throws {
        #expect(try #require(AcceptEncoding(value)).choice == choice)
    }

    @Test("says nothing when malformed", arguments: [
        "gzip deflate", "gzip;q", "gzip;q=", "gzip;q=2", "gzip;q=1.001", "gzip;q=.5",
        "gzip;q=0.1234", "gzip;q=-1", "gzip;q=a", "gzip;level=9", "gzip;q=1;q=1",
        "gzip;q=1;level=9", "gzip, \"deflate\"", "gzip/1", "gz ip", "gzip=1", "q=1", ";q=1",
    ])
    func malformed(_ value: String) {
        #expect(AcceptEncoding(value) == nil)
    }
}
