@testable import TensorFormats

/// JSON from a client: a document with tensors, and the same bytes as a value.
enum DocumentTarget {
    static let tensorMember = "gradients"

    /// Runs of numbers are cut behind every comma, and the pieces read from the last one on.
    private static let tinyPieces = WorkSharing(pieceBytes: 1) { count, work in
        for number in (0..<count).reversed() { work(number) }
    }

    static func check(_ input: [UInt8]) throws {
        let reference = ReferenceJSON.parse(input)
        try checkValue(input, reference)
        let reading = try sameHoweverCut(input) { try CollectedDocument($0) }
        try requireEqual(
            try CollectedDocument([input], sharing: tinyPieces), reading, "sharing changes nothing")
        switch reading.outcome {
        case .refused(.malformed):
            try require(reference == nil, "what is refused as malformed is not JSON")
        case .refused(.semantic):
            break
        case .read(let tensors, _):
            guard case .object(let members)? = reference,
                let member = members.first(where: { $0.name == Array(tensorMember.utf8) }),
                case .object(let expected) = member.value
            else { throw Finding("what was read as a document is one") }
            try checkTensors(tensors, expected)
            try checkKnownLayout(input, tensors)
        }
        let layout = try TensorLayout([
            TensorDescription(name: "b", dtype: .F32, shape: [2]),
            TensorDescription(name: "w", dtype: .F32, shape: [2, 2]),
        ])
        for working in [DType.F32, .F64] {
            let known = try sameHoweverCut(input) { try KnownDocument($0, layout, working) }
            try requireEqual(
                try KnownDocument([input], layout, working, sharing: tinyPieces), known,
                "sharing changes nothing")
        }
    }

    /// JSON is what the reference says is JSON, and means the same when it is written again.
    private static func checkValue(_ input: [UInt8], _ reference: ReferenceJSON?) throws {
        let text = try sameHoweverCut(input, valueText)
        try requireEqual(text != nil, reference != nil, "JSON is what the reference calls so")
        guard let text, !text.contains("Infinity".utf8) else { return }
        let again = try text.withUnsafeBufferPointer { bytes throws(JSONFault) in
            try JSONValue.parse(UnsafeRawBufferPointer(bytes))
        }
        try requireEqual(written(again), text, "a written value reads as itself")
    }

    /// The value in these pieces, written again; nil when they are not JSON.
    private static func valueText(_ pieces: [[UInt8]]) -> [UInt8]? {
        var scanner = JSONScanner(depth: 64, tokenBytes: 64 * 1024)
        var builder = JSONValueBuilder()
        do throws(JSONFault) {
            for piece in pieces {
                try piece.withUnsafeBufferPointer { bytes throws(JSONFault) in
                    try scanner.consume(UnsafeRawBufferPointer(bytes), &builder)
                }
            }
            try scanner.finish(&builder)
        } catch {
            return nil
        }
        return builder.take().map(written)
    }

    static func written(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(value)
        return writer.bytes
    }

    /// Every tensor has the numbers of the document, rounded as the standard library does.
    private static func checkTensors(
        _ tensors: [CollectedDocument.Tensor], _ expected: [(name: [UInt8], value: ReferenceJSON)]
    ) throws {
        try requireEqual(tensors.map(\.name), expected.map(\.name), "the names are these")
        for (tensor, member) in zip(tensors, expected) {
            let numbers = member.value.tensorNumbers
            try requireEqual(
                tensor.shape.reduce(1, *), numbers.count, "a shape has a number for each place")
            for (bits, number) in zip(tensor.bits, numbers) {
                let right: UInt64? = tensor.dtype.working == .F64
                    ? Double(number).map(\.bitPattern) : Float(number).map { UInt64($0.bitPattern) }
                try requireEqual(bits, right, "\(number) is rounded once as \(tensor.dtype)")
            }
        }
    }

    /// The same tensors in a layout that is known give the same numbers.
    private static func checkKnownLayout(
        _ input: [UInt8], _ tensors: [CollectedDocument.Tensor]
    ) throws {
        let layout = try TensorLayout(
            tensors.map {
                try TensorDescription(
                    name: String(decoding: $0.name, as: UTF8.self), dtype: .F32, shape: $0.shape)
            })
        let known = try sameHoweverCut(input) { try KnownDocument($0, layout, .F32) }
        try require(known.fault == nil, "a document fits the layout that it describes")
        for tensor in tensors where tensor.dtype.working == .F32 {
            let name = String(decoding: tensor.name, as: UTF8.self)
            let index = layout.index(of: name) ?? -1
            try requireEqual(known.values[index], tensor.bits, "its numbers are the same")
        }
    }
}

extension ReferenceJSON {
    /// The numbers of a tensor in either form, as spelled, row after row.
    fileprivate var tensorNumbers: [String] {
        switch self {
        case .number(let text): [text]
        case .array(let elements): elements.flatMap(\.tensorNumbers)
        case .object(let members):
            members.first { $0.name == Array("data".utf8) }?.value.tensorNumbers ?? []
        case .null, .bool, .string: []
        }
    }
}
