/// A tensor that an optimizer updates in place, and its gradient.
///
/// Values are row-major. F64 parameters are kept, stepped and given gradients in Double, all
/// others in Float: F16 and BF16 have an F32 master, of which `values` shows the rounding.
public final class Parameter {
    public let name: String
    public let shape: [Int]
    public let elementType: ElementType
    /// Number of elements.
    public let count: Int

    /// The optimizer that steps this parameter: the latest one it was given to.
    weak var optimizer: Optimizer?
    private var place: Place
    private(set) var gradientState = GradientState.absent
    /// The number of values that were assigned last, when it was not `count`.
    private(set) var misfit: Int?

    /// Where values and gradient lie, both in the working precision, and who keeps them alive.
    /// Invariant: both pointers are valid for `count` elements while the owners live.
    struct Place {
        let values: UnsafeMutableRawPointer
        let gradient: UnsafeMutableRawPointer
        let owners: (AnyObject, AnyObject)
    }

    enum GradientState: Equatable {
        case absent
        case present
        /// So many values were assigned; the next step reports it.
        case wrongCount(Int)
    }

    /// A parameter in Float. Values are first rounded to `type`.
    /// - Throws: `wrongCount` when the values do not fill the shape, `invalidShape`.
    public convenience init(
        _ name: String, shape: [Int], values: [Float], type: ElementType = .f32
    ) throws(OptimizerError) {
        try self.init(name, shape: shape, count: values.count, type: type)
        self.values = values
    }

    /// A parameter from Doubles; F64 unless `type` says otherwise.
    @_disfavoredOverload
    public convenience init(
        _ name: String, shape: [Int], values: [Double], type: ElementType = .f64
    ) throws(OptimizerError) {
        try self.init(name, shape: shape, count: values.count, type: type)
        doubleValues = values
    }

    private init(
        _ name: String, shape: [Int], count: Int, type: ElementType
    ) throws(OptimizerError) {
        var expected = 1
        for extent in shape {
            let (product, overflow) = expected.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { throw .invalidShape(parameter: name, shape: shape) }
            expected = product
        }
        guard count == expected else {
            throw .wrongCount(parameter: name, expected: expected, actual: count)
        }
        self.name = name
        self.shape = shape
        self.count = count
        elementType = type
        let values = AlignedMemory(count * type.working.byteCount)
        let gradient = AlignedMemory(count * type.working.byteCount)
        place = Place(values: values.base, gradient: gradient.base, owners: (values, gradient))
    }

    /// The current values, rounded to the element type. A wrong number of values changes nothing
    /// and is reported by the next step.
    public var values: [Float] {
        get { read(place.values, as: elementType, .f32, zero: 0) }
        set { write(newValue, .f32) }
    }

    /// The current values in Double, rounded to the element type.
    public var doubleValues: [Double] {
        get { read(place.values, as: elementType, .f64, zero: 0) }
        set { write(newValue, .f64) }
    }

    /// The F32 masters of an F16 or BF16 parameter; otherwise the values.
    public var masterValues: [Float] { read(place.values, as: elementType.working, .f32, zero: 0) }

    /// The gradient for the next step; nil leaves the parameter untouched by it. A wrong number of
    /// values is reported by that step.
    public var gradient: [Float]? {
        get { gradientState == .present ? read(place.gradient, as: working, .f32, zero: 0) : nil }
        set { assignGradient(newValue, .f32) }
    }

    /// The gradient in Double.
    public var doubleGradient: [Double]? {
        get { gradientState == .present ? read(place.gradient, as: working, .f64, zero: 0) : nil }
        set { assignGradient(newValue, .f64) }
    }
}

extension Parameter {
    private var working: ElementType { elementType.working }
    private var kernels: Kernels { .best }

    /// `memory` holds the working precision; it is seen through `type` and returned as `result`.
    private func read<Value>(
        _ memory: UnsafeMutableRawPointer, as type: ElementType, _ result: ElementType, zero: Value
    ) -> [Value] {
        let seen = AlignedMemory(count * type.byteCount)
        kernels.convert(memory, working, to: seen.base, type, count: count)
        return [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer.initialize(repeating: zero)
            if let base = buffer.baseAddress {
                kernels.convert(seen.base, type, to: base, result, count: count)
            }
            initialized = count
        }
    }

    private func write<Value>(_ values: [Value], _ type: ElementType) {
        guard values.count == count else {
            misfit = values.count
            return
        }
        misfit = nil
        let rounded = AlignedMemory(count * elementType.byteCount)
        values.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            kernels.convert(base, type, to: rounded.base, elementType, count: count)
        }
        kernels.convert(rounded.base, elementType, to: place.values, working, count: count)
    }

    private func assignGradient<Value>(_ values: [Value]?, _ type: ElementType) {
        guard let values else {
            gradientState = .absent
            return
        }
        guard values.count == count else {
            gradientState = .wrongCount(values.count)
            return
        }
        values.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            kernels.convert(base, type, to: place.gradient, working, count: count)
        }
        gradientState = .present
    }

    func wrongCount(_ actual: Int) -> OptimizerError {
        .wrongCount(parameter: name, expected: count, actual: actual)
    }

    func zeroGradient(setToNone: Bool) {
        if setToNone {
            gradientState = .absent
        } else if gradientState == .present {
            place.gradient.initializeMemory(
                as: UInt8.self, repeating: 0, count: count * working.byteCount)
        }
    }

    /// Carries values and gradient over to memory of an optimizer.
    func move(to next: Place) {
        kernels.convert(place.values, working, to: next.values, working, count: count)
        kernels.convert(place.gradient, working, to: next.gradient, working, count: count)
        place = next
    }
}
