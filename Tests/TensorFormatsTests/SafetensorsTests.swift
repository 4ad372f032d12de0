import Testing

@testable import TensorFormats

/// What became of a safetensors file, comparable.
struct SafetensorsResult: Equatable {
    var tensors: [SafetensorsEntry] = []
    var metadata: [String] = []
    var data: [[UInt8]] = []
    var fault: SafetensorsFault?
}

/// Reads a file in windows. Between the data of two tensors lies a gap, or none where `isGapless`.
func readSafetensors(
    _ bytes: [UInt8], window: Int = .max, contentLength: UInt64? = nil,
    limits: FormatLimits = FormatLimits(), isGapless: Bool = false
) -> SafetensorsResult {
    var result = SafetensorsResult()
    let gap = isGapless ? 0 : 8
    var offsets: [Int] = []
    var memory: UnsafeMutableRawBufferPointer?
    defer { memory?.deallocate() }
    var reader = SafetensorsReader(limits: limits, contentLength: contentLength)
    var position = 0
    do {
        while position < bytes.count {
            let buffer = reader.nextBuffer()
            guard !buffer.isEmpty else { throw reader.overflow() }
            let count = min(buffer.count, bytes.count - position, window)
            buffer.copyBytes(from: bytes[position..<position + count])
            position += count
            guard case .header(let header) = try reader.advance(count) else { continue }
            result.tensors = header.tensors
            result.metadata = header.metadata.flatMap { [$0.name, $0.value] }
            offsets = header.tensors.enumerated().map { $1.begin + gap * $0 }
            // A file may claim more than it has: no more than its length is needed here.
            let room = UnsafeMutableRawBufferPointer.allocate(
                byteCount: bytes.count + gap * offsets.count, alignment: 8)
            memory = room
            let runs = DataRun.of(header.tensors, at: offsets)
            if isGapless { #expect(runs.count == (header.dataByteCount > 0 ? 1 : 0)) }
            _ = reader.place(at: try #require(room.baseAddress), runs)
        }
        try reader.finish()
        result.data = zip(offsets, result.tensors).map { offset, tensor in
            memory.map { Array($0[offset..<offset + tensor.byteCount]) } ?? []
        }
        return result
    } catch let fault as SafetensorsFault {
        return SafetensorsResult(fault: fault)
    } catch {
        Issue.record("\(error)")
        return SafetensorsResult()
    }
}

@Suite struct SafetensorsTests {
    private func file(
        _ tensors: [(String, DType, [Int])], metadata: [(name: String, value: String)] = []
    ) throws -> (bytes: [UInt8], descriptions: [TensorDescription]) {
        let descriptions = try tensors.map {
            try TensorDescription(name: $0.0, dtype: $0.1, shape: $0.2)
        }
        var bytes = try SafetensorsWriter.header(tensors: descriptions, metadata: metadata)
        for tensor in descriptions {
            bytes += (0..<tensor.byteCount).map { UInt8(truncatingIfNeeded: bytes.count + $0) }
        }
        return (bytes, descriptions)
    }

    @Test func theHeaderIsExactlyThis() throws {
        let tensors = [
            try TensorDescription(name: "w", dtype: .F32, shape: [2, 3]),
            try TensorDescription(name: "é\"", dtype: .BF16, shape: []),
        ]
        let header = try SafetensorsWriter.header(
            tensors: tensors, metadata: [("format", "1"), ("a", "{\"lr\":1}\n")])
        let json = #"{"__metadata__":{"format":"1","a":"{\"lr\":1}\n"},"#
            + #""w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
            + #""é\"":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}}"#
        let padded = (json.utf8.count + 7) / 8 * 8
        #expect(header.prefix(8) == [UInt8(padded), 0, 0, 0, 0, 0, 0, 0])
        let text = String(decoding: header.dropFirst(8), as: UTF8.self)
        #expect(text == json + String(repeating: " ", count: padded - json.utf8.count))
        #expect(header.count % 8 == 0)
        #expect(try SafetensorsWriter.header(tensors: []) == [8, 0, 0, 0, 0, 0, 0, 0]
            + Array("{}      ".utf8))
    }

    @Test func theWriterRefusesDuplicatesAndOverflow() throws {
        let tensor = try TensorDescription(name: "w", dtype: .F32, shape: [1])
        #expect(throws: TensorSizeFault.duplicateName("w")) {
            try SafetensorsWriter.header(tensors: [tensor, tensor])
        }
        let huge = try ["a", "b"].map {
            try TensorDescription(name: $0, dtype: .U8, shape: [Int.max])
        }
        #expect(throws: TensorSizeFault.layoutOverflow) {
            try SafetensorsWriter.header(tensors: huge)
        }
    }

    @Test func roundTripAtEveryCut() throws {
        let (bytes, descriptions) = try file(
            [
                ("empty.first", .F32, [0]), ("b", .F16, [3]), ("a", .I64, []), ("t", .BOOL, [3]),
                ("z", .F64, [2, 0]), ("q", .F8_E4M3, [1, 2]), ("last", .F32, [0, 7]),
            ], metadata: [("session", "{}"), ("note", "é")])
        let whole = readSafetensors(bytes)
        #expect(whole.fault == nil)
        #expect(Set(whole.tensors.map(\.name)) == Set(descriptions.map(\.name)))
        #expect(whole.tensors.filter { $0.byteCount > 0 }.map(\.name) == ["b", "a", "t", "q"])
        #expect(whole.metadata == ["session", "{}", "note", "é"])
        let data = bytes.suffix(descriptions.map(\.byteCount).reduce(0, +))
        #expect(whole.data.flatMap { $0 } == Array(data))
        for window in [1, 2, 3, 7] + Array(8..<bytes.count) {
            #expect(readSafetensors(bytes, window: window) == whole)
            #expect(readSafetensors(bytes, window: window, isGapless: true) == whole)
            let known = readSafetensors(
                bytes, window: window, contentLength: UInt64(bytes.count))
            #expect(known == whole)
        }
    }

    @Test func filesWithoutDataFinishAtPlace() throws {
        for tensors in [[], [("a", DType.F32, [0]), ("b", .F64, [3, 0])]] {
            let (bytes, _) = try file(tensors)
            var reader = SafetensorsReader(contentLength: UInt64(bytes.count))
            var position = 0
            var entries: [SafetensorsEntry]?
            while position < bytes.count {
                let buffer = reader.nextBuffer()
                try #require(!buffer.isEmpty)
                buffer.copyBytes(from: bytes[position..<position + buffer.count])
                position += buffer.count
                if case .header(let header) = try reader.advance(buffer.count) {
                    entries = header.tensors
                }
            }
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
            defer { memory.deallocate() }
            let offsets = try #require(entries).map { _ in 0 }
            #expect(reader.nextBuffer().isEmpty)
            let runs = DataRun.of(try #require(entries), at: offsets)
            #expect(runs.isEmpty)
            guard case .finished = reader.place(at: memory, runs) else {
                Issue.record("not finished")
                return
            }
            try reader.finish()
        }
    }

    @Test func theLengthAloneDecides() throws {
        let (bytes, _) = try file([("w", .F32, [4])])
        let headerOnly = Array(bytes.dropLast(16))
        let size = UInt64(bytes.count)
        func fault(_ length: UInt64) -> SafetensorsFault.Reason? {
            readSafetensors(headerOnly, contentLength: length).fault?.reason
        }
        #expect(fault(size - 1) == .truncated(expectedBytes: size, actualBytes: size - 1))
        #expect(fault(size + 1) == .trailingBytes(expectedBytes: size))
        #expect(fault(9) == .headerBeyondEnd(bytes: size - 24, available: 1))
        // With the right length it is the end of the body that shows what is missing.
        #expect(fault(size) == .truncated(expectedBytes: size, actualBytes: size - 16))
    }

    @Test func anyOrderInTheHeaderIsSortedByData() throws {
        let json = #"{"b":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},"#
            + #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   "#
        let bytes = [UInt8(json.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8)
            + [1, 2, 3, 4, 5, 6, 7, 8]
        let result = readSafetensors(bytes)
        #expect(result.tensors.map(\.name) == ["a", "b"])
        #expect(result.data == [[1, 2, 3, 4], [5, 6, 7, 8]])
    }

    @Test func countsAreLimited() throws {
        var limits = FormatLimits()
        limits.tensorCount = 2
        let (two, _) = try file([("a", .U8, [1]), ("b", .U8, [1])])
        let (three, _) = try file([("a", .U8, [1]), ("b", .U8, [1]), ("c", .U8, [1])])
        #expect(readSafetensors(two, limits: limits).fault == nil)
        #expect(
            readSafetensors(three, limits: limits).fault?.reason == .tooManyTensors(limit: 2))
        limits.safetensorsHeaderBytes = 64
        #expect(
            readSafetensors(two, limits: limits).fault?.reason
                == .headerTooLarge(bytes: UInt64(two.count - 10), limitBytes: 64))
    }

    /// A header larger than the first piece of memory that the reader takes for it.
    @Test func largeHeaders() throws {
        let value = String(repeating: "0123456789", count: 30_000)
        let (bytes, _) = try file([("w", .F32, [1])], metadata: [("session", value)])
        for window in [.max, 9973] {
            let result = readSafetensors(bytes, window: window)
            #expect(result.metadata == ["session", value])
            #expect(result.data == [Array(bytes.suffix(4))])
        }
    }
}
