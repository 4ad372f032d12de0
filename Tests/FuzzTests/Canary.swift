import HTTP1

/// Bugs that are there on purpose. A run of the fuzzer that does not report each of them proves
/// nothing about the other targets either.
enum Canary: String, CaseIterable {
    /// A trap behind a whole chunked body with data, eight bytes of which nobody guesses who is not
    /// told by the decoder's own coverage how far he has come.
    case trap = "canary-trap"
    /// A read behind the end of memory, which only the address sanitizer sees.
    case overflow = "canary-overflow"
    /// Memory that is lost, which only the leak sanitizer sees.
    case leak = "canary-leak"
    /// A reader of requests that depends on the cuts, which only an invariant sees.
    case cuts = "canary-cuts"

    func check(_ input: [UInt8]) throws {
        switch self {
        case .trap: try Canary.trap(input)
        case .overflow: Canary.overflow(input)
        case .leak: Canary.leak(input)
        case .cuts: try Canary.cuts(input)
        }
    }

    private static func trap(_ input: [UInt8]) throws {
        let body = try ChunkedTarget.read([input], HTTPLimits())
        if body.consumed != nil, !body.data.isEmpty { fatalError("the canary sings") }
    }

    private static func overflow(_ input: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: input)
        guard let base = copy.baseAddress, input.first == UInt8(ascii: "o") else { return }
        sum &+= base.load(fromByteOffset: input.count, as: UInt8.self)
    }

    private static func leak(_ input: [UInt8]) {
        guard input.first == UInt8(ascii: "o") else { return }
        let lost = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
        lost.storeBytes(of: input[0], as: UInt8.self)
        sum &+= lost.load(as: UInt8.self)
    }

    /// Keeps what is read from being optimised away.
    private nonisolated(unsafe) static var sum: UInt8 = 0

    /// Forgets a CR at the end of a piece.
    private static func cuts(_ input: [UInt8]) throws {
        _ = try sameHoweverCut(input) { pieces in
            var replay = ConnectionReplay()
            for piece in pieces { try replay.receive(piece.last == 13 ? piece.dropLast() : piece) }
            return try replay.finish()
        }
    }
}
