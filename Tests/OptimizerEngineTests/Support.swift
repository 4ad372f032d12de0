import OptimizerEngine
import SeededChance

extension SplitMix {
    init(_ seed: UInt64) { self.init(seed: seed) }

    /// Exact in F32: 24 bits in [−1, 1), times a power of two down to 2^−7.
    mutating func value() -> Double {
        let bits = next()
        let fraction = Double(bits >> 40) / 8_388_608 - 1
        return fraction / Double(1 << (bits & 7))
    }

    mutating func values(_ count: Int) -> [Double] { (0..<count).map { _ in value() } }
}

/// A working precision, as tests see it.
protocol Working: BinaryFloatingPoint, Sendable, BitwiseCopyable {
    static var type: ElementType { get }
    var bits: UInt64 { get }
}

extension Float: Working {
    static var type: ElementType { .f32 }
    var bits: UInt64 { UInt64(bitPattern) }
}

extension Double: Working {
    static var type: ElementType { .f64 }
    var bits: UInt64 { bitPattern }
}

/// Bit for bit, except that one NaN is as good as another.
func same<Real: Working>(_ a: [Real], _ b: [Real]) -> Bool {
    a.count == b.count
        && zip(a, b).allSatisfy { $0.bits == $1.bits || ($0.isNaN && $1.isNaN) }
}

/// Memory that may start off any boundary, with guard bytes before and after.
final class TestMemory: ParameterMemory, @unchecked Sendable {
    private static let margin = 64
    private let whole: UnsafeMutableRawBufferPointer
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(_ byteCount: Int, misalignment: Int = 0) {
        self.byteCount = byteCount
        whole = .allocate(byteCount: byteCount + 3 * Self.margin, alignment: 64)
        for index in whole.indices { whole[index] = 0xA5 }
        base = whole.baseAddress! + Self.margin + misalignment
        for index in 0..<byteCount { base.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
    }

    convenience init<Value>(_ values: [Value], misalignment: Int = 0) {
        self.init(values.count * MemoryLayout<Value>.stride, misalignment: misalignment)
        values.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: base, count: byteCount).copyBytes(from: $0)
        }
    }

    deinit { whole.deallocate() }

    func read<Value: BitwiseCopyable>(as type: Value.Type = Value.self) -> [Value] {
        (0..<byteCount / MemoryLayout<Value>.stride).map {
            base.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: type)
        }
    }

    /// Whether nothing was written outside.
    var isIntact: Bool {
        let start = base - whole.baseAddress!
        return whole.indices.allSatisfy {
            ($0 >= start && $0 < start + byteCount) || whole[$0] == 0xA5
        }
    }
}

/// Collects the memory an optimizer asked for. Used on one thread.
final class Made: @unchecked Sendable {
    var all: [TestMemory] = []

    func add(_ memory: TestMemory) -> TestMemory {
        all.append(memory)
        return memory
    }
}

/// Slots one after the other.
func slots(_ shapes: [[Int]]) -> [ParameterSlot] {
    var offset = 0
    return shapes.enumerated().map { index, shape in
        let count = shape.reduce(1, *)
        defer { offset += count }
        return ParameterSlot(name: "p\(index)", shape: shape, offset: offset, count: count)
    }
}

func slots(_ counts: [Int]) -> [ParameterSlot] { slots(counts.map { [$0] }) }

/// A shape of so many elements that the rule steps: for Muon a matrix as square as it can be.
func shape(of count: Int, for type: OptimizerType) -> [Int] {
    guard type == .muon, count > 0 else { return type == .muon ? [0, 3] : [count] }
    let rows = (1...count).last { $0 * $0 <= count && count % $0 == 0 } ?? 1
    return [rows, count / rows]
}

/// A flat optimizer with given parameters, one slot for each count.
func flat<Real: Working>(
    _ type: OptimizerType = .adam, _ hyper: Hyperparameters = .init(), _ parameters: [Real],
    counts: [Int]? = nil, shapes: [[Int]]? = nil, elementType: ElementType? = nil,
    groups: [GroupSpecification] = [], kernels: Kernels = .best
) throws -> FlatOptimizer {
    let shapes = shapes ?? (counts ?? [parameters.count]).map { shape(of: $0, for: type) }
    let optimizer = try FlatOptimizer(
        elementType: elementType ?? Real.type,
        slots: slots(shapes), defaults: hyper.as(type), groups: groups,
        kernels: kernels, memory: { TestMemory($0) })
    parameters.withUnsafeBytes { optimizer.vector(.parameters)!.copyMemory(from: $0) }
    optimizer.startMoments()
    return optimizer
}

extension Hyperparameters {
    /// The same values under another type.
    func `as`(_ type: OptimizerType) -> Hyperparameters {
        guard type != self.type else { return self }
        var values = HyperparameterOverrides(self)
        values.type = type
        return values.applied(to: type.defaults)
    }
}

extension ReferenceOptimizer {
    init(_ type: OptimizerType, _ hyper: Hyperparameters, parameters: [Real]) {
        self.init(hyper.as(type), parameters: parameters)
    }
}

extension FlatOptimizer {
    /// How many steps each slot has taken.
    var steps: [Int] { progress.map(\.step) }

    func restore(steps: [Int]) throws {
        try restore(steps.map { SlotProgress(step: $0) })
    }

    func values<Real: Working>(_ which: StateVector, as type: Real.Type = Real.self) -> [Real] {
        let bytes = vector(which)!
        return (0..<elementCount).map {
            bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Real>.stride, as: type)
        }
    }

    /// One step on this thread with gradients for the whole layout.
    @discardableResult
    func step<Real: Working>(
        _ gradients: [Real], _ settings: StepSettings = StepSettings()
    ) throws -> Verdict {
        try gradients.withUnsafeBytes { bytes in
            // A slot without elements has no gradient memory; any address does.
            let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!
            return try begin(
                Gradients(base: base, places: .whole(Real.type)), settings
            ).runInline()
        }
    }

    func matches<Real: Working>(_ reference: ReferenceOptimizer<Real>) -> Bool {
        same(values(.parameters), reference.parameters)
            && reference.moments.allSatisfy { vector, expected in
                same(values(vector), expected)
            }
            && StateVector.moments.allSatisfy {
                (vector($0) == nil) == (reference.moments[$0] == nil)
            }
    }
}
