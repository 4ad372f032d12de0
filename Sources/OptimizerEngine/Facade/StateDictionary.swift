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
        public var expAvg: Tensor
        public var expAvgSq: Tensor
        /// Exactly when its group uses amsgrad.
        public var maxExpAvgSq: Tensor?

        public init(step: Int, expAvg: Tensor, expAvgSq: Tensor, maxExpAvgSq: Tensor? = nil) {
            self.step = step
            self.expAvg = expAvg
            self.expAvgSq = expAvgSq
            self.maxExpAvgSq = maxExpAvgSq
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
