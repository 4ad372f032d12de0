/// A hyperparameter or step option outside its range.
public struct HyperparameterError: Error, Equatable, CustomStringConvertible {
    /// Its name on the wire: `lr`, `betas/0`, `eps`, `weight_decay`, `grad_scale`, …
    public let name: String
    public let value: Double
    /// What it must be: "must be a finite number ≥ 0".
    public let requirement: String
    /// The parameter group that sets it; nil for the optimizer's own values.
    public let group: String?

    public init(name: String, value: Double, requirement: String, group: String? = nil) {
        self.name = name
        self.value = value
        self.requirement = requirement
        self.group = group
    }

    /// The same about a value that lies deeper.
    func at(_ place: String, group: String? = nil) -> HyperparameterError {
        HyperparameterError(
            name: "\(place)/\(name)", value: value, requirement: requirement, group: group)
    }

    public var description: String {
        let place = group.map { " of group \"\($0)\"" } ?? ""
        return "\(name)\(place) \(requirement), not \(value)"
    }

    /// Values compare by bits, so that an error about NaN equals itself.
    public static func == (a: HyperparameterError, b: HyperparameterError) -> Bool {
        a.name == b.name && a.value.bitPattern == b.value.bitPattern
            && a.requirement == b.requirement && a.group == b.group
    }
}
