import OptimizerEngine
import SystemIO
import TensorFormats

/// Where a tensor's elements lie, row-major and without gaps.
package struct TensorPlace: Sendable {
    package let slab: Slab
    package let byteOffset: Int
    package let type: ElementType

    package init(slab: Slab, byteOffset: Int, type: ElementType) {
        self.slab = slab
        self.byteOffset = byteOffset
        self.type = type
    }

    var base: UnsafeRawPointer { UnsafeRawPointer(slab.base + byteOffset) }
}

extension Gradients.Places {
    /// By layout index: where each tensor lies in the slab, the places counted from `start`; nil
    /// for one that is absent.
    package func tensors(
        of layout: TensorLayout, in slab: Slab, from start: Int = 0
    ) -> [TensorPlace?] {
        switch self {
        case .whole(let type):
            layout.elementOffsets.map {
                TensorPlace(slab: slab, byteOffset: start + $0 * type.byteCount, type: type)
            }
        case .each(let places):
            places.map { place in
                place.map {
                    TensorPlace(slab: slab, byteOffset: start + $0.byteOffset, type: $0.type)
                }
            }
        }
    }
}
