/// Receives a safetensors file: the header into memory of its own, the data of each tensor
/// straight to where the caller wants it.
///
/// In turns: `nextBuffer()` says where the next bytes go, `advance(_:)` that they came. After
/// `.header` the caller has to say, with `place(_:)`, where the tensors go. After a fault the
/// reader must not be used again.
package struct SafetensorsReader: ~Copyable {
    package enum Progress {
        case more
        /// The length of the header became known. Its memory grows as it comes.
        case headerLength(Int)
        /// The header is complete; `place(_:)` comes next, also when there are no tensors.
        case header(SafetensorsHeader)
        case finished
    }

    private enum State {
        case prefix
        case header(byteCount: Int)
        case unplaced
        case data(run: Int)
        case finished
    }

    private let limits: FormatLimits
    private let contentLength: UInt64?
    private let recall: SafetensorsRecall?
    private var state = State.prefix
    /// Owned: freed at the end, and when the header has been read.
    private var memory: UnsafeMutableRawBufferPointer
    private var headerByteCount: UInt64 = 0
    private var dataByteCount = 0
    private var base: UnsafeMutableRawPointer?
    private var runs: [DataRun] = []
    /// Bytes received of the current part: the prefix, the header or a run.
    private var received = 0
    /// Bytes received in all.
    private var total: UInt64 = 0

    private static let prefixByteCount = 8
    /// A header's memory starts with this and doubles, so that a length alone costs nothing.
    private static let firstHeaderByteCount = 64 * 1024

    /// With the length of the whole file, if it is known, bytes too many or too few are known
    /// from the header alone.
    ///
    /// - Parameter recall: of `SafetensorsHeader.parse`.
    package init(
        limits: FormatLimits = FormatLimits(), contentLength: UInt64? = nil,
        recall: SafetensorsRecall? = nil
    ) {
        self.limits = limits
        self.contentLength = contentLength
        self.recall = recall
        memory = .allocate(byteCount: Self.prefixByteCount, alignment: 8)
    }

    deinit {
        memory.deallocate()
    }

    /// Where the next bytes go. Empty when the file is complete, or when `place(_:)` is awaited.
    package mutating func nextBuffer() -> UnsafeMutableRawBufferPointer {
        switch state {
        case .prefix, .header:
            return UnsafeMutableRawBufferPointer(rebasing: memory[received...])
        case .data(let run):
            let room = UnsafeMutableRawBufferPointer(
                start: base.map { $0 + runs[run].offset }, count: runs[run].byteCount)
            return UnsafeMutableRawBufferPointer(rebasing: room[received...])
        case .unplaced, .finished:
            return UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    /// The next `count` bytes of the file lie at the start of the last `nextBuffer()`.
    package mutating func advance(_ count: Int) throws(SafetensorsFault) -> Progress {
        received += count
        total += UInt64(count)
        switch state {
        case .prefix:
            guard received == Self.prefixByteCount else { return .more }
            return .headerLength(try startHeader())
        case .header(let byteCount):
            if received == byteCount { return try endHeader() }
            if received == memory.count { enlarge(towards: byteCount) }
            return .more
        case .data(let run):
            if received == runs[run].byteCount { start(run: run + 1) }
        case .unplaced, .finished:
            break
        }
        if case .finished = state { return .finished }
        return .more
    }

    /// Says where the data goes: to `runs`, one after the other, in the memory at `base`, which
    /// has room for them and is valid until the reader is done. Together they are as long as the
    /// data. Returns `finished` when no data is to come.
    package mutating func place(
        at base: UnsafeMutableRawPointer, _ runs: [DataRun]
    ) -> Progress {
        guard case .unplaced = state, runs.reduce(0, { $0 + $1.byteCount }) == dataByteCount
        else { return .more }
        self.base = base
        self.runs = runs
        start(run: 0)
        if case .finished = state { return .finished }
        return .more
    }

    /// To be called at the end of the file.
    package func finish() throws(SafetensorsFault) {
        switch state {
        case .finished:
            return
        case .prefix:
            throw SafetensorsFault(
                .truncated(expectedBytes: UInt64(Self.prefixByteCount), actualBytes: total))
        case .header, .unplaced, .data:
            throw SafetensorsFault(.truncated(expectedBytes: expectedTotal, actualBytes: total))
        }
    }

    /// The fault of a file with more bytes than `nextBuffer()` offered room for.
    package func overflow() -> SafetensorsFault {
        SafetensorsFault(.trailingBytes(expectedBytes: expectedTotal))
    }
}

extension SafetensorsReader {
    private var expectedTotal: UInt64 {
        UInt64(Self.prefixByteCount) + headerByteCount + UInt64(dataByteCount)
    }

    private mutating func startHeader() throws(SafetensorsFault) -> Int {
        let byteCount = UInt64(littleEndian: memory.load(as: UInt64.self))
        guard byteCount >= 2 else { throw SafetensorsFault(.headerTooShort(bytes: byteCount)) }
        guard byteCount <= UInt64(limits.safetensorsHeaderBytes) else {
            throw SafetensorsFault(
                .headerTooLarge(bytes: byteCount, limitBytes: limits.safetensorsHeaderBytes))
        }
        if let contentLength {
            let available = contentLength - min(contentLength, UInt64(Self.prefixByteCount))
            guard byteCount <= available else {
                throw SafetensorsFault(
                    .headerBeyondEnd(bytes: byteCount, available: available))
            }
        }
        headerByteCount = byteCount
        state = .header(byteCount: Int(byteCount))
        received = 0
        memory.deallocate()
        memory = .allocate(
            byteCount: min(Int(byteCount), Self.firstHeaderByteCount), alignment: 8)
        return Int(byteCount)
    }

    private mutating func enlarge(towards byteCount: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(memory.count * 2, byteCount), alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(memory))
        memory.deallocate()
        memory = larger
    }

    private mutating func endHeader() throws(SafetensorsFault) -> Progress {
        let header = try SafetensorsHeader.parse(
            UnsafeRawBufferPointer(memory), limits: limits, recall: recall)
        memory.deallocate()
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        dataByteCount = header.dataByteCount
        if let contentLength {
            guard contentLength >= expectedTotal else {
                throw SafetensorsFault(
                    .truncated(expectedBytes: expectedTotal, actualBytes: contentLength))
            }
            guard contentLength == expectedTotal else { throw overflow() }
        }
        state = .unplaced
        return .header(header)
    }

    private mutating func start(run: Int) {
        received = 0
        state = run < runs.count ? .data(run: run) : .finished
    }
}
