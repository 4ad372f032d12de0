import Testing

@testable import TensorFormats

/// Hands `bytes` on in windows of `size` bytes, each in memory of its own.
func inWindows<Fault: Error>(
    _ bytes: [UInt8], of size: Int, _ body: (UnsafeRawBufferPointer) throws(Fault) -> Void
) throws(Fault) {
    var start = 0
    while start < bytes.count {
        let end = min(start + size, bytes.count)
        let window = Array(bytes[start..<end])
        try window.withUnsafeBufferPointer { (buffer) throws(Fault) in
            try body(UnsafeRawBufferPointer(buffer))
        }
        start = end
    }
}

/// Reads a JSON text in windows.
func parse(_ bytes: [UInt8], window: Int) throws(JSONFault) -> JSONValue {
    var scanner = JSONScanner(depth: 64, tokenBytes: 64 * 1024)
    var builder = JSONValueBuilder()
    try inWindows(bytes, of: window) { (part) throws(JSONFault) in
        try scanner.consume(part, &builder)
    }
    try scanner.finish(&builder)
    guard let value = builder.take() else { throw JSONFault(offset: 0, kind: .unexpectedEnd) }
    return value
}

/// Reads a whole JSON text.
func parse(
    _ bytes: [UInt8], limits: FormatLimits = FormatLimits()
) throws(JSONFault) -> JSONValue {
    try bytes.withUnsafeBufferPointer { (buffer) throws(JSONFault) in
        try JSONValue.parse(UnsafeRawBufferPointer(buffer), limits: limits)
    }
}

func fault(_ bytes: [UInt8], window: Int? = nil) -> JSONFault? {
    do {
        if let window {
            _ = try parse(bytes, window: window)
        } else {
            _ = try parse(bytes)
        }
        return nil
    } catch {
        return error
    }
}

func fault(_ text: String) -> JSONFault? { fault(Array(text.utf8)) }

func written(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    writer.value(value)
    return String(decoding: writer.bytes, as: UTF8.self)
}

func written(_ members: [JSONMember]) -> String { written(.object(members)) }

/// What became of a document with tensors, comparable.
enum DocumentResult: Equatable {
    case read(tensors: [Tensor], options: String)
    case refused(DocumentFault)

    struct Tensor: Equatable {
        var name: [UInt8]
        var dtype: DType
        var shape: [Int]
        /// Bit patterns of the values as they were stored.
        var bits: [UInt64]
    }

    var fault: DocumentFault? {
        if case .refused(let fault) = self { fault } else { nil }
    }

    var tensors: [Tensor] {
        if case .read(let tensors, _) = self { tensors } else { [] }
    }

    var options: String? {
        if case .read(_, let options) = self { options } else { nil }
    }
}

extension DocumentResult.Tensor {
    init(_ description: TensorDescription, _ base: UnsafeRawPointer) {
        name = Array(description.name.utf8)
        dtype = description.dtype
        shape = description.shape
        bits = (0..<description.elementCount).map { index in
            description.dtype.working == .F64
                ? base.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                : UInt64(base.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
        }
    }

    var floats: [Float] { bits.map { Float(bitPattern: UInt32($0)) } }
    var doubles: [Double] { bits.map { Double(bitPattern: $0) } }
}

/// Memory that grows up to a budget, as a caller of `CollectingSink` lends it.
final class LentMemory {
    private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    let budget: Int

    init(budget: Int = 1 << 24) { self.budget = budget }

    deinit { bytes.deallocate() }

    func grow(to byteCount: Int) -> UnsafeMutableRawBufferPointer? {
        guard byteCount <= budget else { return nil }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
        bytes.deallocate()
        bytes = larger
        return larger
    }
}

/// Reads `{"parameters": …}` with any names and shapes.
func collect(
    _ bytes: [UInt8], window: Int = .max, budget: Int = 1 << 24,
    limits: FormatLimits = FormatLimits()
) -> DocumentResult {
    let memory = LentMemory(budget: budget)
    let sink = CollectingSink { _, byteCount in memory.grow(to: byteCount) }
    var reader = TensorDocumentReader(tensorMember: "parameters", sink: sink, limits: limits)
    do {
        try inWindows(bytes, of: window == .max ? max(bytes.count, 1) : window) {
            (part) throws(DocumentFault) in try reader.consume(part)
        }
        let options = try reader.finish()
        let tensors = sink.tensors.map { tensor in
            withExtendedLifetime(memory) {
                let base = UnsafeRawPointer(memory.bytes.baseAddress ?? fallback)
                return DocumentResult.Tensor(tensor.description, base + tensor.byteOffset)
            }
        }
        return .read(tensors: tensors, options: written(options))
    } catch {
        return .refused(error)
    }
}

func collect(_ text: String, window: Int = .max) -> DocumentResult {
    collect(Array(text.utf8), window: window)
}

private nonisolated(unsafe) let fallback = UnsafeMutableRawPointer.allocate(
    byteCount: 8, alignment: 8)

/// Reads `{"gradients": …}` with the tensors of `layout`. Memory for each tensor is exactly as
/// large as it must be, with a guard behind it that has to stay as it was.
func readKnown(
    _ bytes: [UInt8], _ layout: TensorLayout, working: DType = .F32, window: Int = .max,
    sharing: WorkSharing? = nil
) -> DocumentResult {
    let guardByte: UInt8 = 0xA5
    let memory = layout.tensors.map { tensor in
        let byteCount = tensor.elementCount * working.byteCount
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount + 16, alignment: 8)
        part.initializeMemory(as: UInt8.self, repeating: guardByte)
        return part
    }
    defer { memory.forEach { $0.deallocate() } }
    let sink = KnownLayoutSink(
        layout: layout, working: working, destinations: memory.compactMap(\.baseAddress))
    var reader = TensorDocumentReader(
        tensorMember: "gradients", sink: sink, sharing: sharing)
    let result: DocumentResult
    do {
        try inWindows(bytes, of: window == .max ? max(bytes.count, 1) : window) {
            (part) throws(DocumentFault) in try reader.consume(part)
        }
        let options = try reader.finish()
        var tensors: [DocumentResult.Tensor] = []
        for (index, tensor) in layout.tensors.enumerated() where sink.present[index] {
            guard let base = memory[index].baseAddress,
                let stored = try? TensorDescription(
                    name: tensor.name, dtype: working, shape: tensor.shape)
            else { continue }
            tensors.append(DocumentResult.Tensor(stored, base))
        }
        result = .read(tensors: tensors, options: written(options))
    } catch {
        result = .refused(error)
    }
    for part in memory {
        #expect(part.suffix(16).allSatisfy { $0 == guardByte }, "written behind the end")
    }
    return result
}

func readKnown(
    _ text: String, _ layout: TensorLayout, working: DType = .F32, window: Int = .max
) -> DocumentResult {
    readKnown(Array(text.utf8), layout, working: working, window: window)
}

/// A layout of F32 tensors.
func layout(_ tensors: [(String, [Int])]) throws -> TensorLayout {
    try TensorLayout(
        tensors.map { try TensorDescription(name: $0.0, dtype: .F32, shape: $0.1) })
}
