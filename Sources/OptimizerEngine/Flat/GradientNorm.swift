import COptimizerKernels

/// Which norm of all gradients together is told and clipped at: PyTorch's `norm_type`.
public enum GradientNorm: Sendable, CaseIterable {
    /// The sum of the magnitudes.
    case one
    case two
    case three
    /// The largest magnitude.
    case infinity

    var code: opt_norm {
        switch self {
        case .one: OPT_NORM_1
        case .two: OPT_NORM_2
        case .three: OPT_NORM_3
        case .infinity: OPT_NORM_INFINITY
        }
    }

    /// What two parts' sums come to. Of two largest magnitudes the larger; a NaN stays.
    func joined(_ a: Double, _ b: Double) -> Double {
        self == .infinity ? (a > b || a.isNaN ? a : b) : a + b
    }

    /// The norm whose sum is known.
    func root(_ sum: Double) -> Double {
        switch self {
        case .one, .infinity: sum
        case .two: sum.squareRoot()
        case .three: Kernels.power(sum, 1.0 / 3)
        }
    }
}
