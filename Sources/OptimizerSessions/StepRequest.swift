import OptimizerEngine
import SystemIO

/// One optimizer step as a client asked for it.
package struct StepRequest: Sendable {
    package var source: Source
    package var options = StepOptions()
    /// Whether the outcome tells the norm of each tensor's gradient.
    package var asksTensorNorms = false
    /// Echoed in the outcome.
    package var loss: Double?
    package var ifMatch: Precondition?
    /// A request with the key of an earlier one is answered with what that one did.
    package var key: IdempotencyKey?
    package var reply: StepReply = .none
    /// Whoever brings the step has nothing else to do: more of it is worked off on that thread.
    package var isAlone = false

    /// Where the gradients come from.
    package enum Source: Sendable {
        case given(StepGradients)
        /// Those that were accumulated, which are none any more after the step where it `zeroes`
        /// them, be it applied or skipped.
        case accumulated(GradientAccumulator.Reduction, zeroes: Bool)
    }

    package init(_ source: Source) {
        self.source = source
    }

    package init(gradients: StepGradients) {
        self.init(.given(gradients))
    }
}

/// Gradients as they lie in a slab.
package struct StepGradients: Sendable {
    package let slab: Slab
    /// From the slab's start. Whether a tensor may be absent is for the caller to say.
    package let places: Gradients.Places
    /// Somebody else reads the slab too: the answer must not be written over the gradients.
    package let isShared: Bool

    package init(slab: Slab, places: Gradients.Places, isShared: Bool = false) {
        self.slab = slab
        self.places = places
        self.isShared = isShared
    }
}

/// What of the parameters an operation hands back.
package enum StepReply: Equatable, Sendable {
    case none
    /// The whole layout as one vector of that type.
    case vector(ElementType)
}

/// What a step did.
package struct StepOutcome: Sendable {
    /// The version after the step, or the current one when it was skipped.
    package let tag: SessionTag
    /// False when a non-finite gradient was skipped; the step then has no number.
    package let applied: Bool
    /// Over all gradients present, after scaling and before clipping.
    package let gradNorm: Double
    package let clipCoef: Double
    /// By group, as used.
    package let lr: [(group: String, lr: Double)]
    package let loss: Double?
    /// What the next loss is to be multiplied with, where the session has a scaler; in a replay as
    /// well.
    package let nextGradScale: Double?
    /// Of each gradient that was there; nil unless asked for, and in a replay.
    package let gradNorms: [(tensor: String, norm: Double)]?
    /// The parameters in the type asked for, after the step; nil when none were asked for, or in
    /// a replay when the session has gone on since.
    package let output: ParameterVector?
    /// Whether this tells what an earlier request with the same key did.
    package let isReplayed: Bool

    package var step: Int { tag.step }

    init(
        _ receipt: StepReceipt, nextGradScale: Double?,
        gradNorms: [(tensor: String, norm: Double)]? = nil,
        output: ParameterVector?, isReplayed: Bool
    ) {
        tag = receipt.tag
        applied = receipt.applied
        gradNorm = receipt.gradNorm
        clipCoef = receipt.clipCoef
        lr = receipt.rates.byGroup
        loss = receipt.loss
        self.nextGradScale = nextGradScale
        self.gradNorms = gradNorms
        self.output = output
        self.isReplayed = isReplayed
    }
}

extension StepReceipt {
    /// As the outcome of the step that it is the receipt of.
    package var outcome: StepOutcome {
        StepOutcome(self, nextGradScale: nil, output: nil, isReplayed: true)
    }
}

/// Parameters in layout order and without gaps, from the start of a slab that may be longer.
package struct ParameterVector: Sendable {
    package let slab: Slab
    package let type: ElementType
    package let byteCount: Int
}
