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
        guard streamed.fault == nil else { return }
        try requireEqual(streamed, measured, "and it means the same")
        try checkProof(streamed, input.count)
        try checkRoundTrip(streamed)
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

/// A file read in pieces, its data into memory of each tensor's own size.
private struct ReadFile: Equatable {
    private(set) var fault: SafetensorsFault?
    private(set) var entries: [SafetensorsEntry] = []
    private(set) var metadata: [[String]] = []
    private(set) var data: [[UInt8]] = []

    init(_ pieces: [[UInt8]], length: UInt64?) throws {
        let total = pieces.reduce(0) { $0 + $1.count }
        var memory: [UnsafeMutableRawBufferPointer] = []
        defer { memory.forEach { $0.deallocate() } }
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
                    // A file may claim more than it has, and then it is not filled.
                    memory = header.tensors.map {
                        .allocate(byteCount: min($0.byteCount, total), alignment: 8)
                    }
                    _ = reader.place(memory.map { $0.baseAddress ?? Self.nowhere })
                }
            }
            try reader.finish()
            data = memory.map { Array($0) }
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

    /// For tensors without data.
    private nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(
        byteCount: 0, alignment: 8)
}

extension Int {
    /// -1, which no size is, when the product does not fit.
    fileprivate func multiplied(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? -1 : product
    }
}
