@testable import HTTP1

/// A chunked body, alone.
enum ChunkedTarget {
    struct Reading: Equatable {
        var data: [UInt8] = []
        /// Nil: more is needed. Otherwise how many bytes the body took.
        var consumed: Int?
        var fault: ProtocolErrorCode?
    }

    static func check(_ input: [UInt8]) throws {
        for limits in [HTTPLimits(), RequestTarget.smallLimits] {
            let reading = try sameHoweverCut(input) { try read($0, limits) }
            let expected = ReferenceChunked.read(input, limits)
            try requireEqual(
                reading.fault == nil ? reading.consumed : nil, expected?.consumed,
                "a body is whole exactly when the reference says so")
            guard let expected else { continue }
            try requireEqual(reading.data, expected.data, "and holds these data")
            try requireEqual(
                reading.data.count, expected.sizes.reduce(0, +), "as many as its sizes say")
        }
    }

    static func read(_ pieces: [[UInt8]], _ limits: HTTPLimits) throws -> Reading {
        var decoder = ChunkedDecoder(limits: limits)
        var reading = Reading()
        var total = 0
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty, !decoder.isComplete {
                let count: Int
                if decoder.dataBytesAhead > 0 {
                    count = Int(min(decoder.dataBytesAhead, UInt64(rest.count)))
                    reading.data += rest.prefix(count)
                    decoder.tookData(count)
                } else {
                    let window = Array(rest)
                    do {
                        count = try decoder.readFraming(window.span)
                    } catch {
                        reading.fault = error.code
                        return reading
                    }
                    try require(count > 0, "framing is read where no data is ahead")
                }
                try require(count <= rest.count, "no more is read than there is")
                rest = rest.dropFirst(count)
                total += count
            }
        }
        if decoder.isComplete { reading.consumed = total }
        return reading
    }
}

/// RFC 9112 §7.1 over a whole body, line by line; nil for what is no whole one.
struct ReferenceChunked {
    private(set) var data: [UInt8] = []
    private(set) var sizes: [Int] = []
    private(set) var consumed = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private let input: [UInt8]
    private let limits: HTTPLimits

    static func read(_ input: [UInt8], _ limits: HTTPLimits) -> ReferenceChunked? {
        var reference = ReferenceChunked(input: input, limits: limits)
        while true {
            guard let line = reference.line(), let size = reference.size(of: line) else {
                return nil
            }
            if size == 0 { return reference.takesTrailers() ? reference : nil }
            guard reference.takesChunk(size) else { return nil }
        }
    }

    private init(input: [UInt8], limits: HTTPLimits) {
        self.input = input
        self.limits = limits
    }

    /// Up to the next CRLF, without it.
    private mutating func line() -> ArraySlice<UInt8>? {
        let start = consumed
        for end in start..<max(start, input.count - 1) where input[end...].starts(with: [13, 10]) {
            consumed = end + 2
            return input[start..<end]
        }
        return nil
    }

    private mutating func size(of line: ArraySlice<UInt8>) -> Int? {
        let digits = line.prefix { Character(Unicode.Scalar($0)).isASCIIHexDigit }
        let rest = line.dropFirst(digits.count)
        let unblank = rest.drop { $0 == 32 || $0 == 9 }
        extensionBytes += rest.count
        guard (1...15).contains(digits.count), extensionBytes <= limits.chunkExtensionBytes,
            rest.isEmpty || unblank.first == UInt8(ascii: ";"), rest.allSatisfy(\.isFieldContent)
        else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func takesChunk(_ size: Int) -> Bool {
        guard input.count - consumed >= 2, size <= input.count - consumed - 2,
            input[(consumed + size)...].starts(with: [13, 10])
        else { return false }
        sizes.append(size)
        data += input[consumed..<consumed + size]
        consumed += size + 2
        return true
    }

    private mutating func takesTrailers() -> Bool {
        while let line = line() {
            if line.isEmpty { return true }
            trailerBytes += line.count + 2
            guard trailerBytes <= limits.trailerSectionBytes,
                let colon = line.firstIndex(of: 58), colon > line.startIndex,
                line[..<colon].allSatisfy(\.isToken), line[colon...].allSatisfy(\.isFieldContent)
            else { return false }
        }
        return false
    }
}

extension Character {
    fileprivate var isASCIIHexDigit: Bool { isASCII && isHexDigit }
}
