import CZlib
import HTTP1

/// One stream of compressed bytes on its way back to what it was (RFC 1950, 1951, 1952).
///
/// Invariant of the unsafe part: `stream` is owned by this value and initialised by zlib; zlib
/// holds its address, so it never moves. Its pointers to input and output are set for each call.
struct Inflater: ~Copyable {
    /// zlib's state with the 32 KiB that a stream may refer back to.
    static let memoryBytes = 40 << 10

    struct Progress {
        let consumed: Int
        let produced: Int
        /// The stream's end was read, and its checksum and length were right.
        let isEnded: Bool
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let coding: ContentCoding

    init(_ coding: ContentCoding) throws(InflationFault) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.coding = coding
        // The largest window that there is, and 16 for a header and trailer of gzip: its checksums
        // (of the header too) and its length are judged by zlib.
        let windowBits = MAX_WBITS + (coding == .gzip ? 16 : 0)
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, windowBits, ZLIB_VERSION, size) == Z_OK else {
            stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// - Parameter output: not empty. When it comes back full, there may be more to come from the
    ///   same input.
    mutating func inflate(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(InflationFault) -> Progress {
        // zlib reads through a pointer to mutable bytes, and does not change them.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(clamping: input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(clamping: output.count)
        let code = CZlib.inflate(stream, Z_NO_FLUSH)
        switch code {
        // Z_BUF_ERROR: there was nothing to be done, which is no error (zlib.h).
        case Z_OK, Z_STREAM_END, Z_BUF_ERROR:
            return Progress(
                consumed: min(input.count, Int(UInt32.max)) - Int(stream.pointee.avail_in),
                produced: min(output.count, Int(UInt32.max)) - Int(stream.pointee.avail_out),
                isEnded: code == Z_STREAM_END)
        case Z_NEED_DICT:
            throw .malformed(offset: offset, reason: "it wants a dictionary, and there is none")
        case Z_MEM_ERROR:
            throw .outOfMemory
        default:
            throw .malformed(offset: offset, reason: reason)
        }
    }

    private var offset: Int { Int(clamping: stream.pointee.total_in) }

    /// zlib's words for the last error.
    private var reason: String {
        let words = stream.pointee.msg.map { String(cString: $0) } ?? "invalid data"
        // Some clients send deflate data bare (RFC 9110 §8.4.1.2). Telling the two apart is a
        // guess by two bytes, and nothing is guessed here.
        let isBare = coding == .deflate && offset <= 2
        return isBare ? words + "; deflate data comes in the zlib format (RFC 1950)" : words
    }
}

/// Why a coded body cannot be taken.
package enum InflationFault: Error, Equatable, Sendable {
    /// It is not what its coding's format allows, or a checksum does not match.
    case malformed(offset: Int, reason: String)
    /// It ends before its stream does.
    case truncated
    /// More bytes follow the stream's end. A second gzip member (RFC 1952 §2.2) is refused as
    /// well: decoders differ in what they make of it, and a body has one meaning here.
    case trailingBytes(offset: Int)
    /// It is longer than a body may be before it is inflated.
    case tooLong(limit: Int)
    /// It stands for more than an honest body of its length would.
    case beyondRatio(limit: Int)
    case outOfMemory
}
