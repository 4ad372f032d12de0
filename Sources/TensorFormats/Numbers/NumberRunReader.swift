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
        var outcome = Outcome(position: start)
        var number = DecimalNumber(significand: 0, exponent: 0)
        // One byte more than a number's reach, for what follows it.
        while outcome.count < capacity, end - outcome.position > QuickNumber.reach {
            guard let numberEnd = QuickNumber.read(outcome.position, &number) else { break }
            let mark = skipWhiteSpace(numberEnd, end)
            guard mark < end else { break }
            let byte = mark.load(as: UInt8.self)
            guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") else { break }

            let text = UnsafeRawBufferPointer(
                start: outcome.position, count: numberEnd - outcome.position)
            Store.store(number, text, base + outcome.count &* precision.stride)
            outcome.count += 1
            if byte == UInt8(ascii: "]") {
                outcome.position = mark
                outcome.isAtBracket = true
                break
            }
            outcome.position = skipWhiteSpace(mark + 1, end)
        }
        return outcome
    }

    @inline(__always)
    private func skipWhiteSpace(
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
        switch precision {
        case .single: SingleStore.store(number, text, place)
        case .double: DoubleStore.store(number, text, place)
        case .both: BothStore.store(number, text, place)
        }
    }
}

/// How one number is written; a type of its own for each, so that the loop is compiled for each.
private protocol NumberStore {
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer)
}

private enum SingleStore: NumberStore {
    @inline(__always)
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer
    ) {
        place.storeBytes(
            of: number.float { String(decoding: text, as: UTF8.self) }, as: Float.self)
    }
}

private enum DoubleStore: NumberStore {
    @inline(__always)
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer
    ) {
        place.storeBytes(
            of: number.double { String(decoding: text, as: UTF8.self) }, as: Double.self)
    }
}

private enum BothStore: NumberStore {
    @inline(__always)
    static func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer,
        _ place: UnsafeMutableRawPointer
    ) {
        DoubleStore.store(number, text, place)
        SingleStore.store(number, text, place + 8)
    }
}
