/// What resumes an optimizer beside the parameters' values: PyTorch's `state_dict`, keyed by name.
public struct StateDictionary: Equatable, Sendable {
    public enum Values: Equatable, Sendable {
        case f32([Float])
        case f64([Double])

        public var elementType: ElementType {
            switch self {
            case .f32: .f32
            case .f64: .f64
            }
        }

        public var count: Int {
            switch self {
            case .f32(let values): values.count
            case .f64(let values): values.count
            }
        }
    }

    public struct Tensor: Equatable, Sendable {
        public var shape: [Int]
        /// Row-major.
        public var values: Values

        public init(shape: [Int], values: Values) {
            self.shape = shape
            self.values = values
        }
    }

    /// State of one parameter.
    public struct Entry: Equatable, Sendable {
        public var step: Int
        /// Of NAdam alone: the product of its momentum coefficients so far.
        public var muProduct: Double?
        /// By PyTorch's names: `exp_avg`, `exp_avg_sq`, with amsgrad `max_exp_avg_sq`, and so on:
        /// just those that the parameter's rule keeps. SGD's `momentum_buffer` comes with the
        /// first step that has momentum.
        public var tensors: [String: Tensor]

        public init(step: Int, muProduct: Double? = nil, tensors: [String: Tensor]) {
            self.step = step
            self.muProduct = muProduct
            self.tensors = tensors
        }
    }

    public struct Group: Equatable, Sendable {
        public var name: String
        public var parameters: [String]
        public var hyperparameters: Hyperparameters

        public init(name: String, parameters: [String], hyperparameters: Hyperparameters) {
            self.name = name
            self.parameters = parameters
            self.hyperparameters = hyperparameters
        }
    }

    public var type: OptimizerType
    /// By parameter name.
    public var state: [String: Entry]
    public var parameterGroups: [Group]
    /// Steps that the optimizer has applied.
    public var stepCount: Int

    public init(
        type: OptimizerType, state: [String: Entry], parameterGroups: [Group], stepCount: Int = 0
    ) {
        self.stepCount = stepCount
        self.type = type
        self.state = state
        self.parameterGroups = parameterGroups
    }
}
