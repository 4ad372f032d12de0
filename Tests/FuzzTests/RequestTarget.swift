@testable import HTTP1

/// What a peer sends on one connection.
enum RequestTarget {
    /// So small that short inputs reach every limit.
    static let smallLimits: HTTPLimits = {
        var limits = HTTPLimits()
        limits.requestLineBytes = 40
        limits.fieldSectionBytes = 120
        limits.fieldCount = 4
        limits.chunkExtensionBytes = 8
        limits.trailerSectionBytes = 12
        limits.discardedBodyBytes = 6
        return limits
    }()

    static func check(_ input: [UInt8]) throws {
        for limits in [HTTPLimits(), smallLimits] {
            _ = try sameHoweverCut(input) { pieces in
                var replay = ConnectionReplay(limits: limits)
                for piece in pieces { try replay.receive(piece) }
                return try replay.finish()
            }
        }
    }
}
