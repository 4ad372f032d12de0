/// Receives a raw little-endian vector of known length into the caller's memory.
///
/// The bytes are the values: on the little-endian machines this runs on nothing is converted.
/// The destination must stay valid for `byteCount` bytes while the vector is in use.
package struct RawVector {
    private let destination: UnsafeMutableRawPointer
    private let byteCount: Int
    private var received = 0

    package init(byteCount: Int, destination: UnsafeMutableRawPointer) {
        self.byteCount = byteCount
        self.destination = destination
    }

    /// Decides from a body's announced length alone.
    package static func check(
        contentLength: UInt64, expected: Int
    ) throws(RawVectorFault) {
        guard contentLength == UInt64(expected) else {
            throw RawVectorFault(expectedBytes: UInt64(expected), actualBytes: contentLength)
        }
    }

    /// Where the next bytes go; empty when the vector is complete.
    package func nextBuffer() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: destination + received, count: byteCount - received)
    }

    /// The next `count` bytes lie at the start of the last `nextBuffer()`.
    package mutating func advance(_ count: Int) {
        received += min(count, byteCount - received)
    }

    /// To be called at the end of the body.
    package func finish() throws(RawVectorFault) {
        try Self.check(contentLength: UInt64(received), expected: byteCount)
    }
}

/// A raw vector of another length than the layout asks for.
package struct RawVectorFault: Error, Equatable, Sendable {
    package let expectedBytes: UInt64
    package let actualBytes: UInt64

    package var detail: String {
        "the vector must have exactly \(expectedBytes) bytes, but it has \(actualBytes)"
    }
}
