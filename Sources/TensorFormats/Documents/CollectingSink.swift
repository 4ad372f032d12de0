/// Takes tensors of any name and shape and keeps them one after the other in memory that the
/// caller lends and enlarges.
package final class CollectingSink: TensorSink {
    /// Enlarges the memory: returns at least as many bytes as asked for, the first of which are
    /// those of the memory given, which is not used any more. Nil refuses.
    package typealias Grow = (
        _ memory: UnsafeMutableRawBufferPointer, _ minimumByteCount: Int
    ) -> UnsafeMutableRawBufferPointer?

    /// A tensor that has been read.
    package struct Tensor: Sendable {
        package let description: TensorDescription
        /// Where its numbers start in `memory`; a multiple of 8. They are stored in the working
        /// precision: Double for F64, Float for all other types.
        package let byteOffset: Int
    }

    package private(set) var tensors: [Tensor] = []
    package private(set) var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    private let grow: Grow
    private var name = ""
    private var start = 0
    private var written = 0
    private var dtype: DType?
    private static let firstByteCount = 4096

    package init(grow: @escaping Grow) {
        self.grow = grow
    }

    package func begin(_ name: String) -> [Int]? {
        self.name = name
        dtype = nil
        written = 0
        return nil
    }

    package func settle(_ dtype: DType) {
        compact(to: dtype)
        self.dtype = dtype
    }

    package func room() throws(SinkRefusal) -> NumberRun {
        let stride = precision.stride
        let used = start + written * stride
        if memory.count - used < stride { try enlarge(to: used + stride) }
        guard let base = memory.baseAddress else { throw refusal(used + stride) }
        return NumberRun(
            base: base + used, capacity: (memory.count - used) / stride, precision: precision)
    }

    package func wrote(_ count: Int) {
        written += count
    }

    package func end(shape: [Int]) throws(SinkRefusal) {
        let dtype = dtype ?? .F32
        let description: TensorDescription
        do {
            description = try TensorDescription(name: name, dtype: dtype, shape: shape)
        } catch {
            throw SinkRefusal(.shapeMismatch(expected: nil, actual: shape), error.detail)
        }
        tensors.append(Tensor(description: description, byteOffset: start))
        let end = start + written * dtype.working.byteCount
        start = (end + 7) & ~7
    }

    private var precision: NumberRun.Precision {
        switch dtype {
        case nil: .both
        case .F64: .double
        default: .single
        }
    }

    /// Doubles the memory, or takes what is needed when that is refused.
    private func enlarge(to byteCount: Int) throws(SinkRefusal) {
        let doubled = max(byteCount, memory.count * 2, Self.firstByteCount)
        guard let larger = grow(memory, doubled) ?? grow(memory, byteCount),
            larger.count >= byteCount
        else {
            throw refusal(byteCount)
        }
        memory = larger
    }

    private func refusal(_ byteCount: Int) -> SinkRefusal {
        SinkRefusal(
            .overBudget, "there is no memory for \(byteCount) bytes of tensors at this time")
    }

    /// Numbers that came before their type were kept in both precisions; now one of them goes.
    /// The numbers move towards the start, so that none is overwritten before it is read.
    private func compact(to dtype: DType) {
        guard self.dtype == nil, written > 0, let base = memory.baseAddress else { return }
        let from = base + start
        let stride = NumberRun.Precision.both.stride
        for index in 0..<written {
            let pair = from + index * stride
            if dtype == .F64 {
                let value = pair.loadUnaligned(as: Double.self)
                (from + index * 8).storeBytes(of: value, as: Double.self)
            } else {
                let value = (pair + 8).loadUnaligned(as: Float.self)
                (from + index * 4).storeBytes(of: value, as: Float.self)
            }
        }
    }
}
