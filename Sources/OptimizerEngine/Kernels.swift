import COptimizerKernels

/// The one caller of the C kernels. Invariant: a value exists only for a level that this CPU has.
package struct Kernels: Sendable {
    package enum Level: UInt32, Sendable, CaseIterable {
        case baseline = 0
        case avx2 = 1
        case avx512 = 2

        package var isAvailable: Bool { opt_level_available(opt_level(rawValue)) }
    }

    package let level: Level
    let code: opt_level

    package static let normBlock = Int(OPT_NORM_BLOCK)

    /// The widest instruction set of this CPU.
    package static let best = available[available.count - 1]

    /// Every level of this CPU, in rising order; the baseline is always there.
    package static let available: [Kernels] = Level.allCases.compactMap(Kernels.init)

    /// Nil when the CPU lacks the level.
    package init?(_ level: Level) {
        guard level.isAvailable else { return nil }
        self.level = level
        code = opt_level(level.rawValue)
    }

    func step(
        _ working: ElementType, _ scalars: UnsafePointer<opt_scalars>, _ memory: opt_memory,
        count: Int
    ) {
        withUnsafePointer(to: memory) { opt_step(code, working.code, scalars, $0, count) }
    }

    func lambMoments(
        _ working: ElementType, _ scalars: UnsafePointer<opt_scalars>, _ memory: opt_memory,
        direction: UnsafeMutableRawPointer, count: Int
    ) {
        withUnsafePointer(to: memory) {
            opt_lamb_moments(code, working.code, scalars, $0, direction, count)
        }
    }

    func lambApply(
        _ working: ElementType, _ scalars: UnsafePointer<opt_scalars>, _ memory: opt_memory,
        stepSize: Double, count: Int
    ) {
        withUnsafePointer(to: memory) {
            opt_lamb_apply(code, working.code, scalars, $0, stepSize, count)
        }
    }

    func muonMomentum(
        _ working: ElementType, _ scalars: UnsafePointer<opt_scalars>, _ memory: opt_memory,
        update: UnsafeMutablePointer<Float>, count: Int
    ) {
        withUnsafePointer(to: memory) {
            opt_muon_momentum(code, working.code, scalars, $0, update, count)
        }
    }

    func muonApply(
        _ working: ElementType, _ scalars: UnsafePointer<opt_scalars>, _ memory: opt_memory,
        update: UnsafePointer<Float>, stepSize: Double, count: Int
    ) {
        withUnsafePointer(to: memory) {
            opt_muon_apply(code, working.code, scalars, $0, update, stepSize, count)
        }
    }

    /// - Parameters:
    ///   - weight: in the working precision.
    ///   - starts: whether there is no sum yet.
    func accumulate(
        _ x: UnsafeRawPointer, _ type: ElementType, weight: Double, starts: Bool,
        in sum: UnsafeMutableRawPointer, _ working: ElementType, count: Int
    ) {
        opt_accumulate(code, working.code, type.code, x, weight, starts, sum, count)
    }

    /// - Parameter divisor: in the working precision.
    func divide(
        _ x: UnsafeRawPointer, by divisor: Double, to result: UnsafeMutableRawPointer,
        _ working: ElementType, count: Int
    ) {
        opt_divide(code, working.code, x, divisor, result, count)
    }

    static let productTile = Int(OPT_PRODUCT_TILE)

    /// Computes one tile of a matrix product; row and column are multiples of `productTile`.
    func productTile(_ product: opt_product, row: Int, column: Int) {
        withUnsafePointer(to: product) { opt_product_tile(code, $0, row, column) }
    }

    /// What at most `normBlock` elements, divided by `gradScale`, add to a norm's sum.
    func normSum(
        _ norm: GradientNorm, _ x: UnsafeRawPointer, _ type: ElementType, working: ElementType,
        count: Int, gradScale: Double
    ) -> Double {
        opt_norm_sum(code, working.code, norm.code, type.code, x, count, gradScale)
    }

    func sumOfSquares(_ x: UnsafeRawPointer, _ type: ElementType, count: Int) -> Double {
        normSum(.two, x, type, working: type, count: count, gradScale: 1)
    }

    package func allFinite(
        _ x: UnsafeRawPointer, _ type: ElementType, working: ElementType, count: Int,
        gradScale: Double
    ) -> Bool {
        opt_all_finite(code, working.code, type.code, x, count, gradScale)
    }

    /// Converts with one rounding, to nearest even.
    package func convert(
        _ source: UnsafeRawPointer, _ from: ElementType,
        to destination: UnsafeMutableRawPointer, _ to: ElementType, count: Int
    ) {
        opt_convert(code, from.code, source, to.code, destination, count)
    }

    package static func power(_ base: Double, _ exponent: Int) -> Double {
        opt_pow(base, Double(exponent))
    }

    static func power(_ base: Double, _ exponent: Double) -> Double { opt_pow(base, exponent) }
}

extension ElementType {
    var code: opt_type { opt_type(UInt32(rawValue)) }
}
