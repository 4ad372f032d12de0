import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// What may be said of gradients that are accumulated.
struct AccumulationDocument: OptionsDocument {
    private(set) var weight = 1.0

    static let names = ["weight"]
    static let words: [String] = []

    init() {}

    init(_ members: [JSONMember]) throws(SettingsFault) {
        var reader = MemberReader(members, at: "")
        if let weight = try reader.number("weight") { self.weight = weight }
        try reader.finish()
    }

    /// Refuses a weight that is none in the working precision.
    func check(_ working: ElementType) throws(Problem) {
        let narrowed = working.narrowed(weight)
        guard narrowed.isFinite, narrowed > 0 else {
            throw Problem(
                .invalidValue, at: "/weight",
                "The weight must be a finite number > 0 in the parameters' precision.")
        }
    }
}
