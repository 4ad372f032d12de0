import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// The tensors that a creation brings: the layout that they make up, and where they lie.
struct InitialParameters {
    let layout: TensorLayout
    /// In layout order.
    let places: [TensorPlace]

    /// The tensors of a safetensors file whose data lies in `slab` as in the file.
    init(_ header: SafetensorsHeader, _ slab: Slab) throws(Problem) {
        var tensors: [(TensorDescription, TensorPlace)] = []
        for entry in header.tensors {
            let pointer = JSONPointer.of("parameters", entry.name)
            guard let type = ElementType(entry.dtype) else {
                throw Problem(
                    .dtypeMismatch, at: pointer,
                    "The dtype is \(entry.dtype.rawValue); parameters are F32, F64, F16 or BF16.")
            }
            tensors.append(
                (entry.description, TensorPlace(slab: slab, byteOffset: entry.begin, type: type))
            )
        }
        try self.init(tensors)
    }

    /// - Throws: no tensor at all, or two dtypes.
    init(_ tensors: [(description: TensorDescription, place: TensorPlace)]) throws(Problem) {
        guard let first = tensors.first else {
            throw Problem(
                .missingMember, at: "/parameters", "A session has at least one parameter.")
        }
        for (description, _) in tensors where description.dtype != first.description.dtype {
            throw Problem(
                .dtypeMismatch, at: JSONPointer.of("parameters", description.name),
                "The dtype is \(description.dtype.rawValue), that of the tensors before it "
                    + "\(first.description.dtype.rawValue); a session has one dtype.")
        }
        do {
            layout = try TensorLayout(tensors.map(\.description))
        } catch {
            throw Problem(.shapeMismatch, at: "/parameters", error.detail)
        }
        var places = tensors.map(\.place)
        for (description, place) in tensors {
            if let index = layout.index(of: description.name) { places[index] = place }
        }
        self.places = places
    }
}

/// The tensors of a JSON creation, collected in slabs that grow with the document.
final class CollectedTensors {
    let sink: CollectingSink
    private let memory: GrowingSlab

    /// - Parameter textBytes: how long the document is, if that is known.
    init(pool: SlabPool, textBytes: Int?) {
        let memory = GrowingSlab(pool: pool, textBytes: textBytes)
        self.memory = memory
        sink = CollectingSink { _, byteCount in memory.grow(to: byteCount) }
    }

    /// What was collected; 16-bit tensors as F32, in which they were rounded once.
    func parameters() throws(Problem) -> InitialParameters {
        let slab = try memory.whole()
        return try InitialParameters(
            sink.tensors.compactMap { tensor in
                ElementType(tensor.description.dtype.working).map { type in
                    (
                        tensor.description,
                        TensorPlace(slab: slab, byteOffset: tensor.byteOffset, type: type)
                    )
                }
            })
    }
}

/// A slab that is exchanged for a larger one when it gets full.
///
/// The exchange copies everything on the event loop, where a large document would hold others up.
/// So the first slab is made to last: a number of usual length takes half as many bytes as its
/// text or fewer. Only documents of very short numbers, or of unknown length, are copied again.
private final class GrowingSlab {
    private let pool: SlabPool
    private let firstGuess: Int
    private var slab: Slab?

    init(pool: SlabPool, textBytes: Int?) {
        self.pool = pool
        firstGuess = (textBytes ?? 0) / 2
    }

    /// nil when the budget for bodies does not allow it.
    func grow(to byteCount: Int) -> UnsafeMutableRawBufferPointer? {
        // A guess must not take from others what may never be used.
        let affordable = (pool.limitBytes - pool.inUseBytes) / 2
        let wanted = slab == nil ? max(byteCount, min(firstGuess, affordable)) : byteCount
        let larger: Slab
        do {
            larger = try pool.take(wanted)
        } catch {
            // The sink turns this into the refusal of the whole document.
            return nil
        }
        if let slab { larger.base.copyMemory(from: slab.base, byteCount: slab.byteCount) }
        slab = larger
        return larger.bytes
    }

    /// The slab with everything in it; an empty one when nothing came.
    func whole() throws(Problem) -> Slab {
        if let slab { return slab }
        return try pool.take(orProblem: 0)
    }
}
