// What the flat core is told: where parameters lie, where gradients come from, where the answer
// goes.

/// One parameter's place in the flat vectors. Offset and count are in elements.
package struct ParameterSlot: Equatable, Sendable {
    package let name: String
    package let shape: [Int]
    package let offset: Int
    package let count: Int

    package init(name: String, shape: [Int], offset: Int, count: Int) {
        self.name = name
        self.shape = shape
        self.offset = offset
        self.count = count
    }
}

/// A zero-filled, 64-byte-aligned block that lives as long as this object.
package protocol ParameterMemory: AnyObject {
    var base: UnsafeMutableRawPointer { get }
    var byteCount: Int { get }
}

/// A named group: indices of its slots, and what it sets for itself.
package struct GroupSpecification: Equatable, Sendable {
    package var name: String
    package var members: [Int]
    package var overrides: HyperparameterOverrides

    package init(name: String, members: [Int], overrides: HyperparameterOverrides) {
        self.name = name
        self.members = members
        self.overrides = overrides
    }
}

/// Where one slot's gradient lies, from the gradients' base.
package struct GradientPlace: Equatable, Sendable {
    package let byteOffset: Int
    package let type: ElementType

    package init(byteOffset: Int, type: ElementType) {
        self.byteOffset = byteOffset
        self.type = type
    }
}

/// One tensor for each slot, in caller's memory. The caller vouches for that memory's extent.
package struct Gradients: @unchecked Sendable {
    package enum Places: Sendable {
        /// The whole layout in layout order, without gaps.
        case whole(ElementType)
        /// A place for each slot; nil is absent.
        case each([GradientPlace?])
    }

    package let base: UnsafeRawPointer
    package let places: Places

    package init(base: UnsafeRawPointer, places: Places) {
        self.base = base
        self.places = places
    }
}

/// Where the parameters go: whole layout in layout order. The memory may be the gradients' own
/// where every gradient element has the width and the place of its output element.
package struct StepOutput: @unchecked Sendable {
    package let base: UnsafeMutableRawPointer
    package let type: ElementType

    package init(base: UnsafeMutableRawPointer, type: ElementType) {
        self.base = base
        self.type = type
    }
}

/// What the measured gradient means under the step's policy.
package enum Verdict: Equatable, Sendable {
    case apply
    case skip
    /// Indices of the slots whose gradients are not finite.
    case reject(nonfiniteSlots: [Int])
}
