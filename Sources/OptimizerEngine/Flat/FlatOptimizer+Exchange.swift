// Parameters in and out, in any element type.

extension FlatOptimizer {
    /// Tiles of an export; see `copyParameters(to:tile:)`.
    package var exportTileCount: Int { StepPass.tileCount(elements: elementCount) }

    /// Writes all current parameters, in layout order.
    package func copyParameters(to output: StepOutput) {
        copyParameters(0..<elementCount, to: output)
    }

    /// Writes one tile of them; tiles may run on several threads at once.
    package func copyParameters(to output: StepOutput, tile: Int) {
        copyParameters(StepPass.elements(ofTile: tile, of: elementCount), to: output)
    }

    /// Writes one slot's parameters to memory of its own.
    package func copyParameters(
        slot: Int, to destination: UnsafeMutableRawPointer, type: ElementType
    ) {
        let place = slots[slot]
        kernels.convert(
            parameters.base.advanced(by: place.offset * working.byteCount), working,
            to: destination, type, count: place.count)
    }

    func copyParameters(_ elements: Range<Int>, to output: StepOutput) {
        kernels.convert(
            parameters.base.advanced(by: elements.lowerBound * working.byteCount), working,
            to: output.base.advanced(by: elements.lowerBound * output.type.byteCount), output.type,
            count: elements.count)
    }

    /// Replaces one slot's parameters, rounding to the working precision. Moments stay.
    package func overwriteParameters(
        slot: Int, from source: UnsafeRawPointer, type: ElementType
    ) {
        let place = slots[slot]
        kernels.convert(
            source, type,
            to: parameters.base.advanced(by: place.offset * working.byteCount), working,
            count: place.count)
    }

    /// The slots whose values hold NaN or infinity once rounded to the working precision.
    package func nonFiniteSlots(of values: Gradients) -> [Int] {
        slots.indices.filter { !isFinite(slot: $0, in: values) }
    }

    private func isFinite(slot: Int, in values: Gradients) -> Bool {
        guard let (base, type) = values.tensor(slot, offset: offsets[slot]) else { return true }
        return kernels.allFinite(
            base, type, working: working, count: slots[slot].count, gradScale: 1)
    }
}

extension Gradients {
    /// Where a slot's values start, and their type; nil when absent.
    func tensor(_ slot: Int, offset: Int) -> (UnsafeRawPointer, ElementType)? {
        switch places {
        case .whole(let type):
            return (base.advanced(by: offset * type.byteCount), type)
        case .each(let places):
            guard let place = places[slot] else { return nil }
            return (base.advanced(by: place.byteOffset), place.type)
        }
    }
}
