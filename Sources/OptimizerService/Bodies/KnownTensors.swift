import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// The tensors of a JSON document for a session, decoded into one vector in layout order and in
/// the session's working precision.
struct KnownTensors {
    let sink: KnownLayoutSink
    private let slab: Slab
    private let layout: TensorLayout
    private let type: ElementType

    init(_ layout: TensorLayout, working: ElementType, pool: SlabPool) throws(Problem) {
        self.layout = layout
        type = working
        let (byteCount, overflow) = layout.elementCount.multipliedReportingOverflow(
            by: type.byteCount)
        guard !overflow else { throw Problem.bodyTooLarge(limit: Int.max) }
        slab = try pool.take(orProblem: byteCount)
        sink = KnownLayoutSink(layout: layout, working: working.dtype, base: slab.base)
    }

    /// The tensors as a step's gradients.
    var gradients: StepGradients {
        guard sink.present.contains(false) else {
            return StepGradients(slab: slab, places: .whole(type))
        }
        let places = zip(sink.present, layout.elementOffsets).map { isPresent, offset in
            isPresent ? GradientPlace(byteOffset: offset * type.byteCount, type: type) : nil
        }
        return StepGradients(slab: slab, places: .each(places))
    }

    /// By layout index; nil for what the document left out.
    var tensorPlaces: [TensorPlace?] {
        gradients.places.tensors(of: layout, in: slab)
    }
}
