import OptimizerEngine
import TensorFormats

extension ElementType {
    /// nil for types that parameters cannot have.
    package init?(_ dtype: DType) {
        switch dtype {
        case .F32: self = .f32
        case .F64: self = .f64
        case .F16: self = .f16
        case .BF16: self = .bf16
        default: return nil
        }
    }

    package var dtype: DType {
        switch self {
        case .f32: .F32
        case .f64: .F64
        case .f16: .F16
        case .bf16: .BF16
        }
    }
}
