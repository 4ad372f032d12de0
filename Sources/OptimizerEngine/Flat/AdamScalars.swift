import COptimizerKernels

extension opt_adam_scalars {
    /// Everything that one step of one group needs besides the elements: folded in Double, as
    /// PyTorch does, each value narrowed once to the working precision.
    ///
    /// - Parameters:
    ///   - step: the number of this step, from 1.
    ///   - gradScale: narrowed already; 1 is none.
    init(
        _ type: OptimizerType, _ hyper: Hyperparameters, step: Int, gradScale: Double,
        working: ElementType
    ) {
        let (beta1, beta2) = hyper.betas
        let bc1 = 1 - Kernels.power(beta1, step)
        let bc2 = 1 - Kernels.power(beta2, step)
        let stepSize = hyper.lr / bc1
        let coupled = type == .adam ? hyper.weightDecay : 0
        let decoupled = type == .adamw ? hyper.weightDecay : 0
        self.init(
            grad_scale: gradScale,
            clip_coef: 1,
            weight_decay: working.narrowed(coupled),
            keep: working.narrowed(1 - hyper.lr * decoupled),
            w1: working.narrowed(1 - beta1),
            beta2: working.narrowed(beta2),
            w2: working.narrowed(1 - beta2),
            root_bc2: working.narrowed(bc2.squareRoot()),
            eps: working.narrowed(hyper.eps),
            neg_step_size: working.narrowed(-stepSize),
            maximize: hyper.maximize)
    }
}
