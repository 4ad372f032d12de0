/// What a Newton-Schulz step makes of a matrix: a·X + b·(XXᵀ)X + c·(XXᵀ)²X.
public struct NewtonSchulzCoefficients: Equatable, Sendable {
    public var a: Double
    public var b: Double
    public var c: Double

    public init(_ a: Double, _ b: Double, _ c: Double) {
        (self.a, self.b, self.c) = (a, b, c)
    }
}

/// By what Muon's learning rate is multiplied for a matrix of some shape. Raw values are
/// PyTorch's names, where `original` goes by `None` too.
public enum LearningRateAdjustment: String, Sendable, CaseIterable {
    /// √max(1, rows / columns) (Jordan and others 2024).
    case original
    /// 0.2·√max(rows, columns), for an update as large as AdamW's (Liu and others 2025).
    case matchRmsAdamw = "match_rms_adamw"
    /// √(rows / columns) (Bernstein 2025).
    case spectralUnclamped = "spectral_unclamped"

    /// - Parameter shape: neither extent is 0.
    func ratio(rows: Int, columns: Int) -> Double {
        switch self {
        case .original: max(1, Double(rows) / Double(columns)).squareRoot()
        case .matchRmsAdamw: 0.2 * Double(max(rows, columns)).squareRoot()
        case .spectralUnclamped: (Double(rows) / Double(columns)).squareRoot()
        }
    }
}
