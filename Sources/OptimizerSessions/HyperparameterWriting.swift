import OptimizerEngine
import TensorFormats

// Hyperparameters as members of the object that is open, in the order of their type's options.

extension JSONWriter {
    /// All that the type has.
    package mutating func members(_ values: Hyperparameters) {
        for option in values.type.options { member(option, values[option]) }
    }

    /// Those that are set, the type first.
    mutating func overrides(_ overrides: HyperparameterOverrides, of type: OptimizerType) {
        if let type = overrides.type { member("type", type.rawValue) }
        for option in type.options {
            if let value = overrides[option] { member(option, value) }
        }
    }

    private mutating func member(_ option: HyperparameterName, _ value: HyperparameterValue) {
        let name = option.rawValue
        switch value {
        case .number(let number): member(name, number)
        case .flag(let flag): member(name, flag)
        case .pair(let first, let second): member(name, [first, second])
        case .triple(let first, let second, let third): member(name, [first, second, third])
        case .adjustment(let adjustment): member(name, adjustment.rawValue)
        case .schedule(let schedule):
            self.name(name)
            self.schedule(schedule)
        }
    }

    private mutating func member(_ name: String, _ numbers: [Double]) {
        self.name(name)
        beginArray()
        for number in numbers { self.number(number) }
        endArray()
    }
}
