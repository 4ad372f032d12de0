import CZlib
import HTTP1
import SystemIO

/// Compresses a text that is there in whole.
///
/// Invariant of the unsafe part: as `Inflater`'s.
struct Deflater: ~Copyable {
    /// How hard zlib tries. On a million random F32 numbers as JSON level 2 makes 98 MB/s at
    /// 2.28:1, level 1 95 at 2.26, level 6 17 at 2.55 and level 9 6 at 2.58; on this API's
    /// description level 2 makes 207 MB/s at 4.45:1, level 6 70 at 5.26.
    private static let level: Int32 = 2

    /// How much zlib remembers: of what went before, and of what is to be written next.
    private struct Memory {
        let windowBits: Int32
        let level: Int32
        /// By the formula in zconf.h, and some for the rest.
        let byteCount: Int

        /// zlib's own choice.
        static let usual = Memory(windowBits: 15, level: 8, byteCount: 272 << 10)
        /// Clearing the usual tables takes longer than compressing a small text: 4 KiB take 6 µs
        /// with these and 40 µs with those.
        static let small = Memory(windowBits: 13, level: 5, byteCount: 64 << 10)
        /// The window of `small`.
        static let smallTextBytes = 8 << 10
    }

    /// The parts in which a long result comes.
    static let blockBytes = 256 << 10

    private let stream: UnsafeMutablePointer<z_stream>

    private init?(_ coding: ContentCoding, _ memory: Memory) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = deflateInit2_(
            stream, Self.level, Z_DEFLATED, memory.windowBits + (coding == .gzip ? 16 : 0),
            memory.level, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// - Parameters:
    ///   - text: at most 4 GiB, which is how far zlib counts.
    ///   - mustSucceed: also where the text gets longer by it, or the pool's budget is used up.
    /// - Returns: nil when the text had better stay as it is.
    static func compressed(
        _ text: ResponseBody, _ coding: ContentCoding, mustSucceed: Bool, pool: SlabPool
    ) -> ResponseBody? {
        guard let byteCount = UInt32(exactly: text.byteCount) else { return nil }
        let size: Memory = byteCount <= Memory.smallTextBytes ? .small : .usual
        let memory: Reservation
        let limit: Int
        if mustSucceed {
            // The most that zlib ever takes, by its `deflateBound`.
            limit = text.byteCount + text.byteCount / 7 + 64
            memory = pool.reserveUnbounded(limit + size.byteCount)
        } else {
            limit = text.byteCount - 1
            memory = pool.reserveUnbounded(0)
            guard memory.hasGrown(to: size.byteCount) else { return nil }
        }
        guard var deflater = Deflater(coding, size) else { return nil }
        let result = deflater.run(text.parts, limit: limit) {
            memory.hasGrown(to: size.byteCount + $0)
        }
        guard let result else { return nil }
        memory.shrink(to: result.reduce(0) { $0 + $1.count })
        return ResponseBody(parts: result.map { .bytes($0, owner: memory) })
    }

    /// - Parameter mayTake: asked before so many bytes in all are taken.
    /// - Returns: nil when it would take more than `limit` bytes, or than it may.
    private mutating func run(
        _ parts: [BodyPart], limit: Int, mayTake: (Int) -> Bool
    ) -> [[UInt8]]? {
        var blocks: [[UInt8]] = []
        var byteCount = 0
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let isWhole = part.withUnsafeBytes { bytes in
                feed(bytes, isLast, &blocks, &byteCount, limit, mayTake)
            }
            guard isWhole else { return nil }
        }
        return blocks
    }

    /// - Parameter byteCount: of the result so far.
    /// - Returns: whether the input has been taken whole, and all of the result if it is the last.
    private mutating func feed(
        _ input: UnsafeRawBufferPointer, _ isLast: Bool, _ blocks: inout [[UInt8]],
        _ byteCount: inout Int, _ limit: Int, _ mayTake: (Int) -> Bool
    ) -> Bool {
        // zlib reads through a pointer to mutable bytes, and does not change them.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        while true {
            let room = min(Self.blockBytes, limit - byteCount, max(input.count, 4096))
            guard room > 0, mayTake(byteCount + room) else { return false }
            var code = Z_OK
            let block = [UInt8](unsafeUninitializedCapacity: room) { block, count in
                stream.pointee.next_out = block.baseAddress
                stream.pointee.avail_out = UInt32(room)
                code = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                count = room - Int(stream.pointee.avail_out)
            }
            byteCount += block.count
            if !block.isEmpty { blocks.append(block) }
            if code == Z_STREAM_END { return true }
            // Where the input is taken and there was room left, nothing more comes of it yet;
            // that there is nothing to do (Z_BUF_ERROR) is said of an empty part.
            if !isLast, stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 {
                return code == Z_OK || code == Z_BUF_ERROR
            }
            guard code == Z_OK, stream.pointee.avail_out == 0 else { return false }
        }
    }
}

extension Reservation {
    /// Whether there is room for so many bytes now.
    fileprivate func hasGrown(to byteCount: Int) -> Bool {
        do {
            try grow(to: byteCount)
            return true
        } catch {
            // Whoever asks can do without.
            return false
        }
    }
}
