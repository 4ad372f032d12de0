extension JSONWriter {
    /// Nested arrays say the shape up to this rank.
    static let largestNestedRank = 16

    /// A tensor as nested arrays of shortest decimals; as `{"dtype", "shape", "data"}` when it
    /// has no elements or a rank above 16.
    ///
    /// `base` points at its elements in row-major order, without gaps, and need not be aligned.
    /// F16 and BF16 are widened exactly and printed as Float. Only F64, F32, F16 and BF16 are
    /// numbers here; of other types nothing but null is written.
    package mutating func tensor(base: UnsafeRawPointer, dtype: DType, shape: [Int]) {
        tensor(base: base, dtype: dtype, shape: shape, elements: 0..<shape.reduce(1, *))
    }

    /// The part of it from one element to before another, so that several writers can make one
    /// text: with what stands before the first element, and with what stands behind the last.
    ///
    /// - Parameter elements: not empty unless the tensor is.
    package mutating func tensor(
        base: UnsafeRawPointer, dtype: DType, shape: [Int], elements: Range<Int>
    ) {
        guard shape.count > Self.largestNestedRank || shape.contains(0) else {
            write(base, dtype, shape, elements)
            return
        }
        let count = shape.reduce(1, *)
        if elements.lowerBound == 0 {
            beginObject()
            name("dtype")
            string(dtype.rawValue)
            name("shape")
            beginArray()
            for extent in shape { integer(extent) }
            endArray()
            name("data")
        }
        write(base, dtype, [count], elements)
        if elements.upperBound == count { endObject() }
    }

    private mutating func write(
        _ base: UnsafeRawPointer, _ dtype: DType, _ shape: [Int], _ elements: Range<Int>
    ) {
        switch dtype {
        case .F64: nested(shape, DoubleElements(base: base), elements)
        case .F32: nested(shape, FloatElements(base: base), elements)
        case .F16: nested(shape, Float16Elements(base: base), elements)
        case .BF16: nested(shape, BFloat16Elements(base: base), elements)
        default: if elements.lowerBound == 0 { null() }
        }
    }

    /// Writes rows, and between them as many brackets as rows of rows begin and end there.
    private mutating func nested<Source: NumberSource>(
        _ shape: [Int], _ source: Source, _ elements: Range<Int>
    ) {
        if elements.lowerBound == 0 { separate() }
        guard let rowLength = shape.last else { return row(source, 0..<1) }
        let outer = shape.dropLast()
        if elements.lowerBound == 0 { repeated(UInt8(ascii: "["), shape.count) }
        var next = elements.lowerBound
        while next < elements.upperBound {
            let (rowIndex, column) = next.quotientAndRemainder(dividingBy: rowLength)
            if column > 0 {
                // The row was begun by another writer.
                repeated(UInt8(ascii: ","), 1)
            } else if rowIndex > 0 {
                let ending = 1 + Self.boundaries(before: rowIndex, outer)
                repeated(UInt8(ascii: "]"), ending)
                repeated(UInt8(ascii: ","), 1)
                repeated(UInt8(ascii: "["), ending)
            }
            let end = min(next - column + rowLength, elements.upperBound)
            row(source, next..<end)
            next = end
        }
        if elements.upperBound == shape.reduce(1, *) { repeated(UInt8(ascii: "]"), shape.count) }
    }

    /// How many of the arrays around the rows end where row `rowIndex` begins.
    private static func boundaries(before rowIndex: Int, _ outer: ArraySlice<Int>) -> Int {
        var rest = rowIndex
        var count = 0
        for extent in outer.reversed() {
            guard rest % extent == 0 else { break }
            rest /= extent
            count += 1
        }
        return count
    }

    private mutating func repeated(_ byte: UInt8, _ count: Int) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(count, 1)) { part in
            part.initialize(repeating: byte)
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(part)[..<count]))
        }
    }

    /// The numbers of one row with commas between them. They are made in a small scratch and
    /// appended in one piece each time it is full: no object, no growth check for a number.
    private mutating func row<Source: NumberSource>(_ source: Source, _ indices: Range<Int>) {
        let capacity = 8192
        let powers = PowersOfTen.shared
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { scratch in
            guard let start = scratch.baseAddress else { return }
            var used = 0
            for index in indices {
                if used > capacity - Decimal.maximumBytes - 3 {
                    append(UnsafeRawBufferPointer(start: start, count: used))
                    used = 0
                }
                used &+= Self.write(source.element(index), to: start + used, powers)
                start[used] = UInt8(ascii: ",")
                used &+= 1
            }
            append(UnsafeRawBufferPointer(start: start, count: max(used - 1, 0)))
        }
    }

    @inline(__always)
    private static func write<Value: DecimalWritable>(
        _ value: Value, to place: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        guard value.isFinite else {
            place[0] = UInt8(ascii: "\"")
            let count = value.writeDecimal(to: place + 1, powers)
            place[count + 1] = UInt8(ascii: "\"")
            return count + 2
        }
        return value.writeDecimal(to: place, powers)
    }
}

/// Where numbers come from, widened to what is printed.
private protocol NumberSource {
    associatedtype Value: DecimalWritable
    func element(_ index: Int) -> Value
}

private protocol DecimalWritable {
    var isFinite: Bool { get }
    func writeDecimal(
        to place: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int
}

extension Float: DecimalWritable {
    @inline(__always)
    fileprivate func writeDecimal(
        to place: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        Decimal.write(self, to: place, powers)
    }
}

extension Double: DecimalWritable {
    @inline(__always)
    fileprivate func writeDecimal(
        to place: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        Decimal.write(self, to: place, powers)
    }
}

private struct DoubleElements: NumberSource {
    let base: UnsafeRawPointer
    @inline(__always)
    func element(_ index: Int) -> Double {
        (base + index * 8).loadUnaligned(as: Double.self)
    }
}

private struct FloatElements: NumberSource {
    let base: UnsafeRawPointer
    @inline(__always)
    func element(_ index: Int) -> Float {
        (base + index * 4).loadUnaligned(as: Float.self)
    }
}

private struct Float16Elements: NumberSource {
    let base: UnsafeRawPointer
    @inline(__always)
    func element(_ index: Int) -> Float {
        Float(Float16(bitPattern: (base + index * 2).loadUnaligned(as: UInt16.self)))
    }
}

private struct BFloat16Elements: NumberSource {
    let base: UnsafeRawPointer
    @inline(__always)
    func element(_ index: Int) -> Float {
        Float(bitPattern: UInt32((base + index * 2).loadUnaligned(as: UInt16.self)) << 16)
    }
}
