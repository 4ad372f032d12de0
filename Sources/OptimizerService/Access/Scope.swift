/// What a token is for. Each scope holds those before it: whoever steps gets the parameters in
/// the answer, so that stepping without reading would be a promise nobody could keep.
package enum Scope: String, CaseIterable, Comparable, Sendable {
    /// Looks at sessions and at everything in them.
    case read
    /// Does what a training loop does: takes steps, overwrites parameters.
    case step
    /// Makes, changes, replaces and deletes sessions.
    case admin

    private var rank: Int {
        switch self {
        case .read: 0
        case .step: 1
        case .admin: 2
        }
    }

    package static func < (left: Scope, right: Scope) -> Bool { left.rank < right.rank }
}
