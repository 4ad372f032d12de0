/// The learning rate of each step as a closed form of how many steps came before it, named and
/// computed as in `torch.optim.lr_scheduler`.
///
/// PyTorch reaches most of these values by multiplying the one before, which rounds every time; so
/// both agree to about 1e-12 of the base rate and not to the last bit.
public indirect enum LearningRateSchedule: Equatable, Sendable {
    case constant(ConstantSchedule)
    case linear(LinearSchedule)
    case step(StepSchedule)
    case multiStep(MultiStepSchedule)
    case exponential(ExponentialSchedule)
    case polynomial(PolynomialSchedule)
    case cosine(CosineSchedule)
    case cosineWarmRestarts(CosineWarmRestartsSchedule)
    case oneCycle(OneCycleSchedule)
    case cyclic(CyclicSchedule)
    case inverseSquareRoot(InverseSquareRootSchedule)
    case warmupStableDecay(WarmupStableDecaySchedule)
    case warmup(WarmupSchedule)
    case sequence(SequenceSchedule)

    /// The rate for a step, by a schedule that `validate` finds no fault in.
    ///
    /// - Parameters:
    ///   - base: the group's own learning rate, PyTorch's `initial_lr`.
    ///   - step: steps before it; 0 for the first one. Negative counts as 0.
    public func lr(base: Double, step: Int) -> Double {
        form.lr(base: base, step: max(step, 0))
    }

    /// - Throws: the first value out of its range, named as on the wire; of schedules in schedules
    ///   with the way to it, as `schedules/1/gamma`.
    public func validate() throws(HyperparameterError) {
        guard weight <= Self.weightLimit else {
            throw HyperparameterError(
                name: "type", value: Double(weight),
                requirement: "must have at most \(Self.weightLimit) schedules and milestones "
                    + "in all")
        }
        try form.validate()
    }

    /// Schedules and milestones that one schedule may have in all.
    public static let weightLimit = 256

    /// Schedules and milestones in all.
    public var weight: Int { form.weight }

    private var form: any ScheduleForm {
        switch self {
        case .constant(let form): form
        case .linear(let form): form
        case .step(let form): form
        case .multiStep(let form): form
        case .exponential(let form): form
        case .polynomial(let form): form
        case .cosine(let form): form
        case .cosineWarmRestarts(let form): form
        case .oneCycle(let form): form
        case .cyclic(let form): form
        case .inverseSquareRoot(let form): form
        case .warmupStableDecay(let form): form
        case .warmup(let form): form
        case .sequence(let form): form
        }
    }
}
