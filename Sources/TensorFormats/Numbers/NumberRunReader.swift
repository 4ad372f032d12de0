/// The tight loop inside arrays of numbers.
///
/// It takes numbers as long as everything is plain, and stops in front of the first one that is
/// not: a malformed or very long one, one near the end of the window, any other kind of value.
/// The scanner then goes on there, byte by byte, and judges. So this is an acceleration and
/// defines nothing.
extension NumberRun {
    struct Outcome {
        /// Numbers written to the run.
        var count = 0
        /// Where reading stopped: at `]`, or where a number should start.
        var position: UnsafeRawPointer
        var isAtBracket = false
    }

    /// `start` is the first byte of a number inside an array; `end` is the window's end.
    func read(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) -> Outcome {
        switch precision {
        case .single: read(start, end, SingleStore.self)
        case .double: read(start, end, DoubleStore.self)
        case .both: read(start, end, BothStore.self)
        }
    }

    @inline(__always)
    private func read<Store: NumberStore>(
        _ start: UnsafeRawPointer, _ end: UnsafeRawPointer, _ store: Store.Type
    ) -> Outcome {
        let powers = PowersOfTen.shared
        var outcome = Outcome(position: start)
        // One byte more than a number's reach, for what follows it.
        while outcome.count < capacity, end - outcome.position > QuickNumber.reach {
            guard let (number, numberEnd) = QuickNumber.read(outcome.position) else { break }
            let mark = Self.skipWhiteSpace(numberEnd, end)
            guard mark < end else { break }
            let byte = mark.load(as: UInt8.self)
            guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") else { break }

            let text = UnsafeRawBufferPointer(
                start: outcome.position, count: numberEnd - outcome.position)
            Store.store(number, text, base + outcome.count &* Store.stride, powers)
            outcome.count += 1
            if byte == UInt8(ascii: "]") {
                outcome.position = mark
                outcome.isAtBracket = true
                break
            }
            outcome.position = Self.skipWhiteSpace(mark + 1, end)
        }
        return outcome
    }

    @inline(__always)
    static func skipWhiteSpace(
        _ start: UnsafeRawPointer, _ end: UnsafeRawPointer
    ) -> UnsafeRawPointer {
        var position = start
        while position < end, JSONScanner.isWhiteSpace(position.load(as: UInt8.self)) {
            position += 1
        }
        return position
    }

    /// Writes one number at `index`, as the loop above does.
    func store(_ number: DecimalNumber, _ text: UnsafeRawBufferPointer, at index: Int) {
        let place = base + index * precision.stride
        let powers = PowersOfTen.shared
        switch precision {
        case .single: SingleStore.store(number, text, place, powers)
        case .double: DoubleStore.store(number, text, place, powers)
        case .both: BothStore.store(number, text, place, powers)
        }
    }
}

/// How one number is written; a type of its own for each, so that the loop is compiled for each.
private protocol NumberStore {
    static var stride: Int { get }
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer, _ powers: PowersOfTen)
}

private enum SingleStore: NumberStore {
    static var stride: Int { 4 }

    @inline(__always)
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer, _ powers: PowersOfTen
    ) {
        place.storeBytes(
            of: number.float(powers) { String(decoding: text, as: UTF8.self) }, as: Float.self)
    }
}

private enum DoubleStore: NumberStore {
    static var stride: Int { 8 }

    @inline(__always)
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer, _ powers: PowersOfTen
    ) {
        place.storeBytes(
            of: number.double(powers) { String(decoding: text, as: UTF8.self) }, as: Double.self)
    }
}

private enum BothStore: NumberStore {
    static var stride: Int { 12 }

    @inline(__always)
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer, _ powers: PowersOfTen
    ) {
        DoubleStore.store(number, text, place, powers)
        SingleStore.store(number, text, place + 8, powers)
    }
}
