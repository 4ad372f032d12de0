@testable import TensorFormats

/// A safetensors file, with its length known before and not.
enum SafetensorsTarget {
    static func check(_ input: [UInt8]) throws {
        let streamed = try sameHoweverCut(input) { try ReadFile($0, length: nil) }
        let measured = try sameHoweverCut(input) { try ReadFile($0, length: UInt64(input.count)) }
        try requireEqual(
            streamed.fault == nil, measured.fault == nil, "a known length changes no judgement")
        try requireEqual(
            streamed.fault == nil, ReferenceSafetensors.accepts(input),
            "a file is what the reference says is one")
        try checkRecall(input)
        guard streamed.fault == nil else { return }
        try requireEqual(streamed, measured, "and it means the same")
        try checkProof(streamed, input.count)
        try checkRoundTrip(streamed)
    }

    /// A header that may be known again is what it is when it is read for the first time: with what
    /// the same text came to, and with what other metadata before the same tensors did.
    private static func checkRecall(_ input: [UInt8]) throws {
        guard input.count > 8 else { return }
        let length = Int(clamping: input.number(at: 0, UInt64.self))
        let text = Array(input[8...].prefix(length))
        let plain = ReadHeader(text, recall: nil)
        let first = ReadHeader(text, recall: SafetensorsRecall(last: nil, textByteLimit: 1 << 20))
        try requireEqual(first, plain, "to be kept changes nothing")
        let again = SafetensorsRecall(last: first.list, textByteLimit: 1 << 20)
        try requireEqual(ReadHeader(text, recall: again), plain, "nor does to be known")
        let opening = Array(#"{"__metadata__":{"a":"}\"{"}"#.utf8)
        guard text.first == UInt8(ascii: "{"), text.count > 2, plain.fault == nil else { return }
        let other = opening + [UInt8(ascii: ",")] + text.dropFirst()
        try requireEqual(
            ReadHeader(other, recall: again), ReadHeader(other, recall: nil),
            "other metadata are read")
    }

    /// What an accepted header promises to whoever allocates by it.
    private static func checkProof(_ file: ReadFile, _ byteCount: Int) throws {
        var end = 0
        for entry in file.entries {
            try requireEqual(entry.begin, end, "each tensor begins where the last one ended")
            let size = entry.shape.reduce(entry.dtype.byteCount) { $0.multiplied(by: $1) }
            try requireEqual(entry.end - entry.begin, size, "its size is that of its shape")
            end = entry.end
        }
        try requireEqual(
            end, file.data.reduce(0) { $0 + $1.count }, "together they are the whole data")
        try require(end <= byteCount - 8, "which came")
    }

    /// Written and read again it is the same, and written once more the same bytes.
    private static func checkRoundTrip(_ file: ReadFile) throws {
        let header = try file.writtenHeader()
        let again = try ReadFile([header + file.data.flatMap { $0 }], length: nil)
        try requireEqual(again, file, "what was written reads as it was")
        try requireEqual(try again.writtenHeader(), header, "the same file is the same bytes")
        try requireEqual(header.count % 8, 0, "data begin at a multiple of eight")
    }
}

/// What a header's text came to.
private struct ReadHeader: Equatable {
    private(set) var fault: SafetensorsFault?
    private(set) var list: SafetensorsTensors?
    private(set) var metadata: [[String]] = []

    init(_ text: [UInt8], recall: SafetensorsRecall?) {
        do throws(SafetensorsFault) {
            let header = try text.withUnsafeBufferPointer { text throws(SafetensorsFault) in
                try SafetensorsHeader.parse(UnsafeRawBufferPointer(text), recall: recall)
            }
            list = header.list
            metadata = header.metadata.map { [$0.name, $0.value] }
        } catch {
            fault = error
        }
    }

    static func == (left: ReadHeader, right: ReadHeader) -> Bool {
        left.fault == right.fault && left.metadata == right.metadata
            && left.list?.entries == right.list?.entries
    }
}

/// A file read in pieces. A gap lies behind every other tensor, so that some of the data stays
/// together where it goes and some does not.
private struct ReadFile: Equatable {
    private(set) var fault: SafetensorsFault?
    private(set) var entries: [SafetensorsEntry] = []
    private(set) var metadata: [[String]] = []
    private(set) var data: [[UInt8]] = []

    init(_ pieces: [[UInt8]], length: UInt64?) throws {
        let total = pieces.reduce(0) { $0 + $1.count }
        var offsets: [Int] = []
        var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        defer { memory.deallocate() }
        var reader = SafetensorsReader(contentLength: length)
        var received = 0
        do {
            for piece in pieces {
                var rest = piece[...]
                while !rest.isEmpty {
                    let room = reader.nextBuffer()
                    guard !room.isEmpty else { throw reader.overflow() }
                    if entries.isEmpty {
                        try require(
                            room.count <= max(64 * 1024, received), "a length alone costs nothing")
                    }
                    let count = min(room.count, rest.count)
                    room.copyBytes(from: rest.prefix(count))
                    rest = rest.dropFirst(count)
                    received += count
                    guard case .header(let header) = try reader.advance(count) else { continue }
                    entries = header.tensors
                    metadata = header.metadata.map { [$0.name, $0.value] }
                    offsets = entries.enumerated().map { $1.begin + $0 / 2 * Self.gap }
                    // A file may claim more than it has, and then it is not filled.
                    memory = .allocate(
                        byteCount: total + entries.count * Self.gap + 1, alignment: 8)
                    memory.initializeMemory(as: UInt8.self, repeating: Self.untouched)
                    let runs = DataRun.of(entries, at: offsets)
                    guard let base = memory.baseAddress else { throw Finding("no memory") }
                    _ = reader.place(at: base, runs)
                }
            }
            try reader.finish()
            try checkGaps(offsets, memory)
            data = zip(offsets, entries).map { Array(memory[$0..<$0 + $1.byteCount]) }
        } catch let fault as SafetensorsFault {
            // What was understood before does not count.
            (entries, metadata) = ([], [])
            self.fault = fault
        }
    }

    func writtenHeader() throws -> [UInt8] {
        try SafetensorsWriter.header(
            tensors: entries.map(\.description),
            metadata: metadata.map { (name: $0[0], value: $0[1]) })
    }

    private static let gap = 8
    private static let untouched: UInt8 = 0xA5

    private func checkGaps(_ offsets: [Int], _ memory: UnsafeMutableRawBufferPointer) throws {
        let ends = zip(offsets, entries).map { $0 + $1.byteCount }
        for (end, next) in zip(ends, offsets.dropFirst() + [memory.count]) {
            let isUntouched = memory[end..<next].allSatisfy { $0 == Self.untouched }
            try require(isUntouched, "what lies between the tensors stays as it is")
        }
    }
}

extension Int {
    /// -1, which no size is, when the product does not fit.
    fileprivate func multiplied(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? -1 : product
    }
}
