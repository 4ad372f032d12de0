import OptimizerEngine
import SystemIO
import TensorFormats

/// A session as it stood at one moment: what `GET /v1/sessions/{name}` answers.
package struct SessionDescription: Sendable {
    package let session: String
    package internal(set) var tag: SessionTag
    /// Steps that a non-finite gradient left out.
    package internal(set) var skipped: Int
    package internal(set) var hyperparameters: Hyperparameters
    package internal(set) var groups: [GroupDescription]
    package internal(set) var policy: StepPolicy
    /// Gradients that wait for a step.
    package internal(set) var accumulated: Int
    package let durability: Durability
    /// nil: as the service has it.
    package let retainSteps: Int?
    package let elementType: ElementType
    package let layout: TensorLayout
    /// What the session holds of the state budget.
    package internal(set) var stateBytes: Int
    package let created: WallTime
    package internal(set) var updated: WallTime

    package var generation: Int { tag.generation }
    package var step: Int { tag.step }
    /// Elements in all tensors together.
    package var parameterCount: Int { layout.elementCount }
}

/// A parameter group with the values in force for it.
package struct GroupDescription: EffectiveGroup, Equatable, Sendable {
    package let name: String
    /// Tensor names in layout order.
    package let params: [String]
    package let hyperparameters: Hyperparameters
}

/// What an acknowledged step survives.
package enum Durability: String, CaseIterable, Sendable {
    /// The machine: the step is in the session's log on the disk.
    case log
    /// The process: the session lives in memory only.
    case none
}
