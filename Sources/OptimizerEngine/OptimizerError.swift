/// Why the optimizer refused something. Whatever was refused changed nothing.
public enum OptimizerError: Error, Equatable, CustomStringConvertible {
    case invalidHyperparameter(HyperparameterError)
    /// A hyperparameter that the group's rule has not.
    case unknownOption(HyperparameterName, of: OptimizerType, group: String)
    /// Muon steps parameters of two dimensions alone.
    case notMatrix(parameter: String, shape: [Int], group: String)
    /// A group keeps its rule for life.
    case typeChanged(group: String)
    case noParameters
    case duplicateParameter(String)
    case parameterInTwoGroups(parameter: String, group: String)
    case unknownParameter(String, group: String?)
    case duplicateGroup(String)
    case unknownGroup(String)
    /// One optimizer steps parameters of one element type.
    case mixedElementTypes(parameter: String, expected: ElementType, actual: ElementType)
    /// The parameter was given to another optimizer since.
    case parameterTaken(String)
    /// Values that do not fill the shape, in elements; a shape of negative or overflowing extent.
    case wrongCount(parameter: String, expected: Int, actual: Int)
    case invalidShape(parameter: String, shape: [Int])
    /// Slots must follow one another without gap or overlap.
    case invalidLayout(parameter: String)
    case missingGradient([String])
    case nonfiniteGradient([String])
    case state(StateFault)

    public var description: String {
        switch self {
        case .invalidHyperparameter(let error): error.description
        case .unknownOption(let name, let type, let group):
            "\(type.rawValue) has no \(name.rawValue), which group \"\(group)\" sets"
        case .notMatrix(let parameter, let shape, let group):
            "muon, the type of group \"\(group)\", is for parameters of two dimensions, "
                + "and \"\(parameter)\" has shape \(shape)"
        case .typeChanged(let group): "the type of group \"\(group)\" cannot change"
        case .noParameters: "an optimizer needs at least one parameter"
        case .duplicateParameter(let name): "two parameters are named \"\(name)\""
        case .parameterInTwoGroups(let parameter, let group):
            "parameter \"\(parameter)\" of group \"\(group)\" is in another group already"
        case .unknownParameter(let name, let group):
            "no parameter \"\(name)\"" + (group.map { " for group \"\($0)\"" } ?? "")
        case .duplicateGroup(let name): "two parameter groups are named \"\(name)\""
        case .unknownGroup(let name): "no parameter group \"\(name)\""
        case .mixedElementTypes(let parameter, let expected, let actual):
            "parameter \"\(parameter)\" is \(actual), the others are \(expected)"
        case .parameterTaken(let name): "parameter \"\(name)\" belongs to another optimizer now"
        case .wrongCount(let parameter, let expected, let actual):
            "\"\(parameter)\" has \(expected) elements, not \(actual)"
        case .invalidShape(let parameter, let shape):
            "\(shape) is no possible shape for \"\(parameter)\""
        case .invalidLayout(let parameter):
            "parameter \"\(parameter)\" does not follow the one before it"
        case .missingGradient(let names):
            "no gradient for \(names.joined(separator: ", "))"
        case .nonfiniteGradient(let names):
            "NaN or infinity in the gradient of \(names.joined(separator: ", "))"
        case .state(let fault): fault.description
        }
    }
}

/// Why a state dictionary does not fit this optimizer.
public enum StateFault: Error, Equatable, Sendable, CustomStringConvertible {
    case wrongType(expected: OptimizerType, actual: OptimizerType)
    /// `entry` as in `w/exp_avg`.
    case missing(entry: String)
    case unexpected(entry: String)
    case wrongShape(entry: String, expected: [Int], actual: [Int])
    case wrongElementType(entry: String, expected: ElementType, actual: ElementType)
    /// Values that do not fill the entry's own shape.
    case wrongCount(entry: String, expected: Int, actual: Int)
    case invalidStep(entry: String, step: Int)
    case invalidNumber(entry: String, number: Double)
    /// The groups' names, order or members differ.
    case wrongGroup(String)

    public var description: String {
        switch self {
        case .wrongType(let expected, let actual):
            "the state is of \(actual.rawValue), the optimizer is \(expected.rawValue)"
        case .missing(let entry): "the state lacks \"\(entry)\""
        case .unexpected(let entry): "the state has \"\(entry)\", which the optimizer has not"
        case .wrongShape(let entry, let expected, let actual):
            "\"\(entry)\" has shape \(actual), the optimizer's is \(expected)"
        case .wrongElementType(let entry, let expected, let actual):
            "\"\(entry)\" is \(actual), the optimizer keeps \(expected)"
        case .wrongCount(let entry, let expected, let actual):
            "\"\(entry)\" has \(actual) values for \(expected) elements"
        case .invalidNumber(let entry, let number):
            "\"\(entry)\" is \(number), which is no product of coefficients below 1"
        case .invalidStep(let entry, let step): "\"\(entry)\" is \(step), which is no step count"
        case .wrongGroup(let name): "parameter group \"\(name)\" differs from the optimizer's"
        }
    }
}
