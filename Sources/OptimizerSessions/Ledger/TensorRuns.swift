import OptimizerEngine
import SystemIO
import TensorFormats

/// Which tensors of a layout a payload holds, in layout order and without gaps, each of which
/// type: runs of neighbours that are alike.
///
/// In a record: the number of runs (4 bytes), and of each how many tensors (4 bytes) and their
/// type (1 byte: 0 F32, 1 F64, 2 F16, 3 BF16, 255 absent).
struct TensorRuns: Equatable, Sendable {
    struct Run: Equatable {
        var count: Int
        /// nil: these tensors are absent.
        let type: ElementType?
    }

    private(set) var runs: [Run] = []

    static let none = TensorRuns()

    private init() {}

    init(whole type: ElementType, of layout: TensorLayout) {
        runs = [Run(count: layout.tensors.count, type: type)]
    }

    init(_ types: some Sequence<ElementType?>) {
        for type in types { append(type) }
    }

    private mutating func append(_ type: ElementType?) {
        if let last = runs.last, last.type == type {
            runs[runs.count - 1].count += 1
        } else {
            runs.append(Run(count: 1, type: type))
        }
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(UInt32(runs.count))
        for run in runs {
            writer.integer(UInt32(run.count))
            writer.raw([run.type?.rawValue ?? 255])
        }
    }

    init(from reader: inout ByteReader) throws(ByteReader.Fault) {
        for _ in 0..<(try reader.count(UInt32.self)) {
            let count = try reader.count(UInt32.self)
            let code = try reader.integer(UInt8.self)
            let type = ElementType(rawValue: code)
            guard type != nil || code == 255 else { throw ByteReader.Fault() }
            runs.append(Run(count: count, type: type))
        }
    }

    /// Where each tensor lies in the payload.
    ///
    /// - Throws: when the runs are not this layout's or the payload has another length.
    func places(
        in layout: TensorLayout, payloadBytes: Int
    ) throws(ByteReader.Fault) -> Gradients.Places {
        guard runs.reduce(0, { $0 + $1.count }) == layout.tensors.count else {
            throw ByteReader.Fault()
        }
        if runs.count == 1, let type = runs[0].type {
            guard payloadBytes == layout.elementCount * type.byteCount else {
                throw ByteReader.Fault()
            }
            return .whole(type)
        }
        var (places, offset, slot): ([GradientPlace?], Int, Int) = ([], 0, 0)
        for run in runs {
            for tensor in layout.tensors[slot..<slot + run.count] {
                places.append(run.type.map { GradientPlace(byteOffset: offset, type: $0) })
                offset += (run.type?.byteCount ?? 0) * tensor.elementCount
            }
            slot += run.count
        }
        guard offset == payloadBytes else { throw ByteReader.Fault() }
        return .each(places)
    }
}
