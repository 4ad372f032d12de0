import OptimizerEngine
import SystemIO

/// What is remembered of a step: its answer without the parameters. Of accumulated gradients with a
/// key, their number is remembered in its place.
package struct StepReceipt: Sendable {
    /// After the step, or the version at which it was left out.
    package let tag: SessionTag
    package let applied: Bool
    package let gradNorm: Double
    package let clipCoef: Double
    package let loss: Double?
    package let rates: LearningRates
    package let time: WallTime
    package let key: IdempotencyKey?
    /// How many gradients were accumulated, these included; nil for a step.
    let accumulated: UInt32?

    init(
        tag: SessionTag, applied: Bool, gradNorm: Double, clipCoef: Double, loss: Double?,
        rates: LearningRates, time: WallTime, key: IdempotencyKey?, accumulated: UInt32? = nil
    ) {
        self.tag = tag
        self.applied = applied
        self.gradNorm = gradNorm
        self.clipCoef = clipCoef
        self.loss = loss
        self.rates = rates
        self.time = time
        self.key = key
        self.accumulated = accumulated
    }

    package var step: Int { tag.step }
}

/// The learning rate of each group in a step. Receipts of steps that agree in it share one.
package final class LearningRates: Sendable {
    package let byGroup: [(group: String, lr: Double)]

    init(_ byGroup: [(group: String, lr: Double)]) {
        self.byGroup = byGroup
    }

    /// Those that hold in a step; `last` when they are the same, as in most steps.
    static func of(_ pass: StepPass, last: LearningRates?) -> LearningRates {
        let groups = pass.groups
        if let last, last.byGroup.count == groups.count,
            zip(last.byGroup, zip(groups, pass.hyperparameters)).allSatisfy({ old, new in
                old.lr.bitPattern == new.1.lr.bitPattern && old.group == new.0.name
            })
        {
            return last
        }
        return LearningRates(zip(groups, pass.lr).map { (group: $0.name, lr: $1) })
    }

    /// In memory, about. Names are shared with those of the groups.
    static func byteCount(groupCount: Int) -> Int {
        96 + groupCount * MemoryLayout<(group: String, lr: Double)>.stride
    }

    /// Equal by bits.
    func isSame(as other: LearningRates) -> Bool {
        byGroup.elementsEqual(other.byGroup) {
            $0.group == $1.group && $0.lr.bitPattern == $1.lr.bitPattern
        }
    }
}

extension ByteWriter {
    mutating func receipt(_ receipt: StepReceipt, sharesRates: Bool) {
        raw([
            (receipt.applied ? 1 : 0) | (receipt.loss == nil ? 0 : 2)
                | (receipt.key == nil ? 0 : 4) | (sharesRates ? 8 : 0)
                | (receipt.accumulated == nil ? 0 : 16)
        ])
        tag(receipt.tag)
        double(receipt.gradNorm)
        double(receipt.clipCoef)
        double(receipt.loss ?? 0)
        time(receipt.time)
        if !sharesRates {
            integer(UInt32(receipt.rates.byGroup.count))
            for (group, lr) in receipt.rates.byGroup {
                text(group)
                double(lr)
            }
        }
        if let key = receipt.key { self.key(key) }
        if let accumulated = receipt.accumulated { integer(accumulated) }
    }
}

extension ByteReader {
    mutating func receipt(after last: StepReceipt?) throws(Fault) -> StepReceipt {
        let flags = try integer(UInt8.self)
        guard flags & ~31 == 0 else { throw Fault() }
        let tag = try tag()
        let gradNorm = try double()
        let clipCoef = try double()
        let loss = try double()
        let time = try time()
        let rates: LearningRates
        if flags & 8 != 0 {
            guard let last else { throw Fault() }
            rates = last.rates
        } else {
            var byGroup: [(group: String, lr: Double)] = []
            for index in 0..<(try count(UInt32.self)) {
                let group = try text()
                // The text of a name that was read before, so that there is one of each.
                let known = last?.rates.byGroup.dropFirst(index).first?.group
                byGroup.append((known == group ? known ?? group : group, try double()))
            }
            rates = LearningRates(byGroup)
        }
        var key: IdempotencyKey?
        if flags & 4 != 0 { key = try self.key() }
        let accumulated: UInt32? = flags & 16 != 0 ? try integer() : nil
        return StepReceipt(
            tag: tag, applied: flags & 1 != 0, gradNorm: gradNorm, clipCoef: clipCoef,
            loss: flags & 2 != 0 ? loss : nil, rates: rates, time: time, key: key,
            accumulated: accumulated)
    }
}
