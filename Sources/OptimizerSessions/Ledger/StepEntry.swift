import OptimizerEngine
import SystemIO

/// Everything about a step but its gradients: what the receipt says, and what a replay computes
/// with. Numbers are kept as bits.
///
/// In a record: a byte of flags (1: a loss, 2: an idempotency key, 4: types, 8: a bound of the
/// elements, 16: accumulated gradients were used up), norm, clip coefficient, grad scale and loss
/// as doubles; the number of groups (4 bytes) and of each its hyperparameters, as its type has them
/// (`ByteWriter.hyperparameters`): with the flag behind a byte that is the type's number, without
/// it Adam's or AdamW's, which look alike; with a key its text (4 bytes of length, UTF-8) and the
/// 32 bytes of its fingerprint; with a bound that as a double; at the end the runs of the gradients
/// (`TensorRuns`).
package struct StepEntry: Sendable {
    var gradNorm: Double
    var clipCoef: Double
    /// In the working precision; 1 without one.
    var gradScale: Double
    var loss: Double?
    /// Of each group, as they held for this step.
    var hyperparameters: [Hyperparameters]
    var key: IdempotencyKey?
    /// Which tensors had a gradient, of which type; nil for a step that was left out.
    var gradients: TensorRuns
    /// nil: no element was bounded.
    var clipValue: Double?
    /// Whether no gradients are accumulated any more after it.
    var zeroesGradients = false

    var bytes: [UInt8] {
        var writer = ByteWriter()
        let saysTypes = hyperparameters.contains { !$0.type.looksLikeAdam }
        writer.raw([
            (loss == nil ? 0 : 1) | (key == nil ? 0 : 2) | (saysTypes ? 4 : 0)
                | (clipValue == nil ? 0 : 8) | (zeroesGradients ? 16 : 0)
        ])
        writer.double(gradNorm)
        writer.double(clipCoef)
        writer.double(gradScale)
        writer.double(loss ?? 0)
        writer.integer(UInt32(hyperparameters.count))
        for group in hyperparameters {
            if saysTypes { writer.integer(group.type.number) }
            writer.hyperparameters(group)
        }
        if let key { writer.key(key) }
        if let clipValue { writer.double(clipValue) }
        gradients.write(to: &writer)
        return writer.bytes
    }

    init(
        gradNorm: Double, clipCoef: Double, gradScale: Double, loss: Double?,
        hyperparameters: [Hyperparameters], key: IdempotencyKey?, gradients: TensorRuns,
        clipValue: Double? = nil, zeroesGradients: Bool = false
    ) {
        self.gradNorm = gradNorm
        self.clipCoef = clipCoef
        self.gradScale = gradScale
        self.loss = loss
        self.hyperparameters = hyperparameters
        self.key = key
        self.gradients = gradients
        self.clipValue = clipValue
        self.zeroesGradients = zeroesGradients
    }

    /// - Parameter types: of each group.
    init(_ bytes: [UInt8], types: [OptimizerType]) throws(ByteReader.Fault) {
        var reader = ByteReader(bytes)
        let flags = try reader.integer(UInt8.self)
        gradNorm = try reader.double()
        clipCoef = try reader.double()
        gradScale = try reader.double()
        let loss = try reader.double()
        self.loss = flags & 1 != 0 ? loss : nil
        hyperparameters = []
        guard try reader.count(UInt32.self) == types.count else { throw ByteReader.Fault() }
        for type in types {
            let isThatType =
                flags & 4 != 0
                ? try reader.integer(UInt8.self) == type.number : type.looksLikeAdam
            guard isThatType else { throw ByteReader.Fault() }
            hyperparameters.append(try reader.hyperparameters(of: type))
        }
        guard (flags & 4 != 0) == types.contains(where: { !$0.looksLikeAdam }) else {
            throw ByteReader.Fault()
        }
        if flags & 2 != 0 { key = try reader.key() }
        if flags & 8 != 0 { clipValue = try reader.double() }
        zeroesGradients = flags & 16 != 0
        gradients = try TensorRuns(from: &reader)
        guard reader.isAtEnd, flags & ~31 == 0 else { throw ByteReader.Fault() }
    }
}

extension OptimizerType {
    /// In the ledger's files.
    fileprivate var number: UInt8 {
        switch self {
        case .adam: 0
        case .adamw: 1
        case .nadam: 2
        case .radam: 3
        case .adamax: 4
        case .adagrad: 5
        case .rmsprop: 6
        case .adadelta: 7
        case .sgd: 8
        case .lion: 9
        case .lamb: 10
        case .muon: 11
        }
    }

    /// Whether the hyperparameters are those of Adam.
    fileprivate var looksLikeAdam: Bool { self == .adam || self == .adamw }
}

/// A client's name for one attempt to change something, and what it then sent.
package struct IdempotencyKey: Equatable, Sendable {
    package static let fingerprintBytes = 32

    package let text: String
    /// SHA-256 over all that makes the request what it is.
    package let fingerprint: [UInt8]

    package init(text: String, fingerprint: [UInt8]) {
        self.text = text
        self.fingerprint = fingerprint
    }
}
